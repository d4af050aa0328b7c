/** One bug each, planted in the job queue. */
import type { Command, Result, Saved } from './job-queue.ts'
import { JobQueue } from './job-queue.ts'

export class KeepsLocks extends JobQueue {
  override load(saved: Saved): void {
    const { locks } = this
    super.load(saved)
    this.locks = new Map([...locks, ...this.locks])
  }
}

export class KeepsJobs extends JobQueue {
  override load(saved: Saved): void {
    const { jobs } = this
    super.load(saved)
    this.jobs = new Map([...jobs, ...this.jobs])
  }
}

export class KeepsReady extends JobQueue {
  override load(saved: Saved): void {
    const { ready } = this
    super.load(saved)
    this.ready = [...new Set([...this.ready, ...ready])]
  }
}

/** The old locks are kept where no snapshot shows them. */
export class KeepsHiddenLocks extends JobQueue {
  readonly hidden: Map<string, string[]> = new Map()

  override lock(lock: string, owner: string): Result {
    if (this.hidden.has(lock)) return 'taken'
    const result = super.lock(lock, owner)
    if (result === 'locked') this.hidden.set(lock, [owner])
    return result
  }

  override unlock(lock: string, owner: string): Result {
    const result = super.unlock(lock, owner)
    if (result === true) this.hidden.delete(lock)
    return result
  }

  override load(saved: Saved): void {
    super.load(saved)
    for (const [lock, owners] of this.locks) this.hidden.set(lock, owners)
  }
}

/** Keeps the bytes of its last snapshot until the next command. */
export class KeepsSnapshot extends JobQueue {
  taken: Uint8Array[] | undefined

  override apply(command: Command): Result {
    this.taken = undefined
    return super.apply(command)
  }

  override snapshot(): Uint8Array[] {
    this.taken ??= super.snapshot()
    return this.taken
  }
}

/** Locks by owner, which are computed from the locks in the snapshot, but only if there are any. */
export class KeepsIndex extends JobQueue {
  held: Map<string, number> = new Map()

  override lock(lock: string, owner: string): Result {
    const result = super.lock(lock, owner)
    if (result === 'locked') this.held.set(owner, (this.held.get(owner) ?? 0) + 1)
    return `${result}, ${this.held.get(owner) ?? 0} held`
  }

  override unlock(lock: string, owner: string): Result {
    const result = super.unlock(lock, owner)
    if (result === true) this.held.set(owner, (this.held.get(owner) ?? 1) - 1)
    return result
  }

  override load(saved: Saved): void {
    super.load(saved)
    for (const owner of new Set([...this.locks.values()].flat()))
      this.held.set(owner, [...this.locks.values()].filter(([other]) => other === owner).length)
  }
}

/** The job of the highest priority first. Of equal ones the first in the list, which a restore sorts by id. */
export class TiesDiffer extends JobQueue {
  override lease(worker: string, atMs: number, forMs: number): Result {
    const best = Math.max(...this.ready.map((id) => this.jobs.get(id)?.priority ?? 0))
    const at = this.ready.findIndex((id) => this.jobs.get(id)?.priority === best)
    if (at > 0) this.ready.unshift(...this.ready.splice(at, 1))
    return super.lease(worker, atMs, forMs)
  }

  override load(saved: Saved): void {
    super.load({ ...saved, ready: saved.ready.toSorted((one, other) => one - other) })
  }

  override get state(): object {
    return { ...super.state, ready: this.ready.toSorted((one, other) => one - other) }
  }
}

/** Sorted by id in the snapshot; expired jobs leave the map and return at its end. */
export class OrderDiffers extends JobQueue {
  override expire(atMs: number): Result {
    for (const job of [...this.jobs.values()])
      if (job.untilMs !== undefined && job.untilMs <= atMs) {
        this.jobs.delete(job.id)
        this.jobs.set(job.id, { id: job.id, payload: job.payload, priority: job.priority })
      }
    return this.jobs.size
  }

  override lease(worker: string, atMs: number, forMs: number): Result {
    const job = [...this.jobs.values()].find((waiting) => waiting.worker === undefined)
    if (job === undefined) return 'empty'
    Object.assign(job, { worker, untilMs: atMs + forMs })
    return job.id
  }

  override get state(): object {
    const { locks, lastId } = this
    const jobs = [...this.jobs.values()].sort((one, other) => one.id - other.id)
    return { jobs, ready: [], locks: [...locks], lastId }
  }
}

export class OmitsLastId extends JobQueue {
  override get state(): object {
    return { ...super.state, lastId: undefined }
  }

  override load(saved: Saved): void {
    super.load({ ...saved, lastId: this.lastId })
  }
}

export class LosesLastId extends JobQueue {
  override load(saved: Saved): void {
    super.load(saved)
    this.lastId = Math.max(0, ...this.jobs.keys())
  }
}

export class TwoOwners extends JobQueue {
  override lock(lock: string, owner: string): Result {
    const owners = this.locks.get(lock) ?? []
    if (owners.length > 1) return 'taken'
    this.locks.set(lock, [...owners, owner])
    return 'locked'
  }
}

export class WrongOwner extends JobQueue {
  override unlock(lock: string): Result {
    return this.locks.delete(lock)
  }
}

const cache = new Map<number, Result>()

/** Caches descriptions for all machines, and forgets to remove them. */
export class ModuleCache extends JobQueue {
  override describe(id: number): Result {
    const known = cache.get(id)
    if (known !== undefined) return known
    const job = this.jobs.get(id)
    if (job === undefined) return 'no such job'
    const described = { payload: job.payload }
    cache.set(id, described)
    return described
  }
}

const descriptions = new Map<number, Result>()

/** Caches everything, so that all machines of a process agree: only another process differs. */
export class ModuleCacheOfAll extends JobQueue {
  override describe(id: number): Result {
    const known = descriptions.get(id) ?? super.describe(id)
    descriptions.set(id, known)
    return known
  }
}

const currentJobs = new Map<number, string>()

export class ModuleState extends JobQueue {
  override enqueue(payload: string, priority: number): Result {
    const id = super.enqueue(payload, priority) as number
    currentJobs.set(id, payload)
    return id
  }

  override describe(id: number): Result {
    return currentJobs.get(id) ?? 'none'
  }
}

let nextId = 0

export class ModuleIds extends JobQueue {
  override enqueue(payload: string, priority: number): Result {
    this.lastId = nextId++
    return super.enqueue(payload, priority)
  }
}

const now = Date.now
const highResolution = performance.now.bind(performance)
const random = Math.random

export class CapturedClock extends JobQueue {
  override lease(worker: string, _atMs: number, forMs: number): Result {
    return super.lease(worker, now(), forMs)
  }
}

export class CapturedClockInResults extends JobQueue {
  override enqueue(payload: string, priority: number): Result {
    return { id: super.enqueue(payload, priority), createdAt: new Date(now()).toISOString() }
  }
}

export class CapturedPerformance extends JobQueue {
  override enqueue(payload: string, priority: number): Result {
    return { id: super.enqueue(payload, priority), at: highResolution() }
  }
}

export class CapturedClockInRestore extends JobQueue {
  restoredAt = 0

  override load(saved: Saved & { readonly restoredAt?: number }): void {
    super.load(saved)
    this.restoredAt = now()
  }

  override get state(): object {
    return { ...super.state, restoredAt: this.restoredAt }
  }
}

export class CapturedRandom extends JobQueue {
  override enqueue(payload: string, priority: number): Result {
    return `${super.enqueue(payload, priority)}-${random()}`
  }
}

/** A correct state machine of some size: a job queue with leases, locks and ids. */
import fc from 'fast-check'
import type { StateMachine } from '../../src/contracts/state-machine.ts'

export type Command =
  | { readonly type: 'enqueue'; readonly payload: string; readonly priority: number }
  | { readonly type: 'lease'; readonly worker: string; readonly atMs: number; readonly forMs: number }
  | { readonly type: 'finish'; readonly worker: string; readonly job: number }
  | { readonly type: 'expire'; readonly atMs: number }
  | { readonly type: 'lock' | 'unlock'; readonly lock: string; readonly owner: string }
  | { readonly type: 'job'; readonly job: number }

export type Result = unknown

export interface Job {
  readonly id: number
  readonly payload: string
  readonly priority: number
  /** Undefined while it waits. */
  worker?: string | undefined
  untilMs?: number | undefined
}

/** Fields and methods are public, so that planted bugs can change them. */
export class JobQueue implements StateMachine<Command, Result> {
  jobs: Map<number, Job> = new Map()
  ready: number[] = []
  locks: Map<string, string[]> = new Map()
  lastId = 0

  apply(command: Command): Result {
    switch (command.type) {
      case 'enqueue':
        return this.enqueue(command.payload, command.priority)
      case 'lease':
        return this.lease(command.worker, command.atMs, command.forMs)
      case 'finish':
        return this.finish(command.worker, command.job)
      case 'expire':
        return this.expire(command.atMs)
      case 'lock':
        return this.lock(command.lock, command.owner)
      case 'unlock':
        return this.unlock(command.lock, command.owner)
      case 'job':
        return this.describe(command.job)
    }
  }

  enqueue(payload: string, priority: number): Result {
    const id = ++this.lastId
    this.jobs.set(id, { id, payload, priority })
    this.ready.push(id)
    return id
  }

  lease(worker: string, atMs: number, forMs: number): Result {
    const id = this.ready.shift()
    if (id === undefined) return 'empty'
    Object.assign(this.jobs.get(id) as Job, { worker, untilMs: atMs + forMs })
    return id
  }

  finish(worker: string, id: number): Result {
    if (this.jobs.get(id)?.worker !== worker) return 'not yours'
    return this.jobs.delete(id)
  }

  expire(atMs: number): Result {
    const expired = [...this.jobs.values()].filter(({ untilMs }) => untilMs !== undefined && untilMs <= atMs)
    for (const job of expired) {
      this.jobs.set(job.id, { id: job.id, payload: job.payload, priority: job.priority })
      this.ready.push(job.id)
    }
    return expired.length
  }

  lock(lock: string, owner: string): Result {
    const owners = this.locks.get(lock)
    if (owners !== undefined) return owners[0] === owner ? 'yours' : 'taken'
    this.locks.set(lock, [owner])
    return 'locked'
  }

  unlock(lock: string, owner: string): Result {
    if (this.locks.get(lock)?.[0] !== owner) return 'not yours'
    return this.locks.delete(lock)
  }

  describe(id: number): Result {
    return { ...(this.jobs.get(id) ?? { missing: true }) }
  }

  get state(): object {
    const { jobs, ready, locks, lastId } = this
    return { jobs: [...jobs.values()], ready, locks: [...locks], lastId }
  }

  snapshot(): Uint8Array[] {
    return [Buffer.from(JSON.stringify(this.state))]
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const all: Uint8Array[] = []
    for await (const chunk of chunks) all.push(chunk)
    this.load(JSON.parse(Buffer.concat(all).toString()))
  }

  load({ jobs, ready, locks, lastId }: Saved): void {
    this.jobs = new Map(jobs.map((job) => [job.id, job]))
    this.ready = ready
    this.locks = new Map(locks)
    this.lastId = lastId
  }
}

export interface Saved {
  readonly jobs: Job[]
  readonly ready: number[]
  readonly locks: [string, string[]][]
  readonly lastId: number
}

const worker = fc.constantFrom('ann', 'bob')
const atMs = fc.nat(100)
const job = fc.integer({ min: 1, max: 5 })
const lock = fc.constantFrom('a', 'b')

export const commands: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ type: fc.constant('enqueue' as const), payload: fc.constantFrom('p', 'q'), priority: fc.nat(3) }),
  fc.record({ type: fc.constant('lease' as const), worker, atMs, forMs: fc.nat(50) }),
  fc.record({ type: fc.constant('finish' as const), worker, job }),
  fc.record({ type: fc.constant('expire' as const), atMs }),
  fc.record({ type: fc.constantFrom('lock' as const, 'unlock' as const), lock, owner: worker }),
  fc.record({ type: fc.constant('job' as const), job }),
)

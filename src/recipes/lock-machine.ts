/** The state machine of locks and semaphores: leases with fencing tokens, and waiters in order. */
import type { StateMachine } from '../contracts/state-machine.ts'
import { checkBoolean, checkInteger } from '../platform/options.ts'
import { checkName, type Malformed, problemOf, type RecipeCodecs, recipeCodecs, type Shapes } from './codecs.ts'
import { checkStamp, LogTime, type Stamp } from './log-time.ts'
import { restoreTable, snapshotOf, Table } from './table.ts'

/** The bounds of a lock machine. They are part of the replicated behaviour: every node has the same. */
export const LOCK_LIMITS = {
  /** The number of locks that are held or waited for. Beyond, `acquire` is refused with 'too many locks'. */
  locksMax: 10_000,
  /** The number of owners that wait for one lock. Beyond, `acquire` is refused with 'too many waiters'. */
  waitersMax: 256,
  /** The number of owners that may hold one lock together. */
  permitsMax: 256,
  ttlMsMin: 100,
  ttlMsMax: 86_400_000,
} as const

export type LockCommand =
  /**
   * Gives the lock to this owner if it is free and no other owner waits longer. Otherwise, with `wait`, the owner waits: it has to repeat the
   * command within `ttlMs`, or loses its place. A holder that repeats it renews its lease and keeps its token.
   */
  | {
      readonly type: 'acquire'
      readonly name: string
      readonly owner: string
      readonly ttlMs: number
      /** How many owners may hold the lock: 1 for a lock, more for a semaphore. All owners must agree. */
      readonly permits: number
      readonly wait: boolean
      readonly stamp: Stamp
    }
  | {
      readonly type: 'renew'
      readonly name: string
      readonly owner: string
      readonly ttlMs: number
      readonly stamp: Stamp
    }
  /** Ends the lease or the wait of this owner. */
  | { readonly type: 'release'; readonly name: string; readonly owner: string; readonly stamp: Stamp }
  | Malformed

/** `time` is the log time, for the next stamp. */
export type LockResult = LockOutcome & { readonly time: number }

export type LockOutcome =
  | { readonly type: 'held'; readonly token: number }
  /** `ahead` counts the owners that wait longer. */
  | { readonly type: 'waiting'; readonly ahead: number }
  /** Held by others, and `wait` is false. */
  | { readonly type: 'busy' }
  | { readonly type: 'released' }
  /** This owner does not hold the lock, or no longer. */
  | { readonly type: 'notHeld' }
  | { readonly type: 'refused'; readonly reason: LockRefusal; readonly message: string }

export type LockRefusal = 'too many locks' | 'too many waiters' | 'other permits' | 'malformed'

/** Asks for the holders of a lock. */
export type LockQuery = { readonly type: 'holders'; readonly name: string } | Malformed

export type LockAnswer =
  | {
      readonly type: 'holders'
      readonly holders: readonly { readonly owner: string; readonly token: number }[]
      readonly waiting: number
    }
  | { readonly type: 'refused'; readonly reason: 'malformed'; readonly message: string }

const checkTtl = checkInteger(LOCK_LIMITS.ttlMsMin, LOCK_LIMITS.ttlMsMax)
const OWNED = { name: checkName, owner: checkName, stamp: checkStamp }
const COMMANDS: Shapes = {
  acquire: { ...OWNED, ttlMs: checkTtl, permits: checkInteger(1, LOCK_LIMITS.permitsMax), wait: checkBoolean },
  renew: { ...OWNED, ttlMs: checkTtl },
  release: OWNED,
}
const QUERIES: Shapes = { holders: { name: checkName } }

/** The codecs of a lock machine. */
export const lockCodecs: RecipeCodecs<LockCommand, LockResult, LockQuery, LockAnswer> = recipeCodecs(COMMANDS, QUERIES)

interface Owner {
  readonly owner: string
  readonly endsAt: number
}

interface Holder extends Owner {
  readonly token: number
}

interface Lock {
  readonly permits: number
  readonly holders: readonly Holder[]
  /** In the order in which they came. */
  readonly waiters: readonly Owner[]
}

type Acquire = Extract<LockCommand, { readonly type: 'acquire' }>
type Renew = Extract<LockCommand, { readonly type: 'renew' }>
type Release = Extract<LockCommand, { readonly type: 'release' }>

/** Locks by name. A lock without holders and waiters takes no space. */
export class LockMachine implements StateMachine<LockCommand, LockResult, LockQuery, LockAnswer> {
  #time = new LogTime()
  #lastToken = 0
  #locks = new Table<Lock>()
  /** No lock in the table is unused at this time, or earlier. */
  #sweptAt = -1

  apply(command: LockCommand): LockResult {
    const problem = problemOf(command, COMMANDS)
    if (problem !== undefined || command.type === 'malformed')
      return { ...refused('malformed', `bad command: ${problem}`), time: this.#time.now }
    this.#time.advance(command.stamp)
    return { ...this.#applyValid(command), time: this.#time.now }
  }

  query(query: LockQuery): LockAnswer {
    const problem = problemOf(query, QUERIES)
    if (problem !== undefined || query.type === 'malformed')
      return { type: 'refused', reason: 'malformed', message: `bad query: ${problem}` }
    const { holders = [], waiters = [] } = this.#withoutEnded(query.name) ?? {}
    return {
      type: 'holders',
      holders: holders.map(({ owner, token }) => ({ owner, token })),
      waiting: waiters.length,
    }
  }

  digest(): string {
    return `v1:${this.#time.now}-${this.#lastToken}-${this.#locks.digest()}`
  }

  snapshot(): Iterable<Uint8Array> {
    return snapshotOf('lock', { time: this.#time.now, lastToken: this.#lastToken }, this.#locks)
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const { fields, table } = await restoreTable<{ time: number; lastToken: number }, Lock>('lock', chunks)
    this.#time = new LogTime(fields.time)
    this.#lastToken = fields.lastToken
    this.#locks = table
    this.#sweptAt = -1
  }

  #applyValid(command: Acquire | Renew | Release): LockOutcome {
    switch (command.type) {
      case 'acquire':
        return this.#acquire(command)
      case 'renew':
        return this.#renew(command)
      case 'release':
        return this.#release(command)
    }
  }

  #acquire({ name, owner, ttlMs, permits, wait }: Acquire): LockOutcome {
    const lock = this.#withoutEnded(name) ?? { permits, holders: [], waiters: [] }
    const endsAt = this.#time.endOfLease(ttlMs)
    const renewed = renewedHolder(lock, owner, endsAt)
    if (renewed !== undefined) return this.#hold(name, lock, renewed)
    if (lock.permits !== permits)
      return refused('other permits', `lock '${name}' is in use with permits ${lock.permits}, not ${permits}`)
    if (!this.#hasRoomFor(name))
      return refused('too many locks', `${LOCK_LIMITS.locksMax} locks are held or waited for (locksMax)`)
    const place = lock.waiters.findIndex((waiter) => waiter.owner === owner)
    const ahead = place === -1 ? lock.waiters.length : place
    if (lock.holders.length + ahead < permits)
      return this.#hold(name, lock, { owner, endsAt, token: ++this.#lastToken })
    if (!wait) return { type: 'busy' }
    if (place === -1 && lock.waiters.length >= LOCK_LIMITS.waitersMax)
      return refused('too many waiters', `${LOCK_LIMITS.waitersMax} owners wait for lock '${name}' (waitersMax)`)
    const waiters = [...lock.waiters.slice(0, ahead), { owner, endsAt }, ...lock.waiters.slice(ahead + 1)]
    this.#locks.set(name, { ...lock, waiters })
    return { type: 'waiting', ahead }
  }

  #renew({ name, owner, ttlMs }: Renew): LockOutcome {
    const lock = this.#withoutEnded(name)
    const renewed = lock && renewedHolder(lock, owner, this.#time.endOfLease(ttlMs))
    return lock === undefined || renewed === undefined ? { type: 'notHeld' } : this.#hold(name, lock, renewed)
  }

  #release({ name, owner }: Release): LockOutcome {
    const lock = this.#withoutEnded(name)
    const isOther = (each: Owner): boolean => each.owner !== owner
    const holders = lock?.holders.filter(isOther) ?? []
    const waiters = lock?.waiters.filter(isOther) ?? []
    if (lock === undefined || holders.length + waiters.length === lock.holders.length + lock.waiters.length)
      return { type: 'notHeld' }
    this.#put(name, { ...lock, holders, waiters })
    return { type: 'released' }
  }

  #hold(name: string, lock: Lock, holder: Holder): LockOutcome {
    const isOther = ({ owner }: Owner): boolean => owner !== holder.owner
    const holders = [...lock.holders.filter(isOther), holder]
    this.#locks.set(name, { ...lock, holders, waiters: lock.waiters.filter(isOther) })
    return { type: 'held', token: holder.token }
  }

  /** The lock without the leases that have ended; undefined if it is free and not waited for. */
  #withoutEnded(name: string): Lock | undefined {
    const lock = this.#locks.get(name)
    if (lock === undefined) return undefined
    const isLive = ({ endsAt }: Owner): boolean => this.#time.now < endsAt
    const live = { ...lock, holders: lock.holders.filter(isLive), waiters: lock.waiters.filter(isLive) }
    return isUnused(live) ? undefined : live
  }

  #hasRoomFor(name: string): boolean {
    if (this.#locks.size < LOCK_LIMITS.locksMax || this.#locks.get(name) !== undefined) return true
    if (this.#sweptAt === this.#time.now) return false
    this.#sweptAt = this.#time.now
    for (const [each] of this.#locks.entries()) if (this.#withoutEnded(each) === undefined) this.#locks.delete(each)
    return this.#locks.size < LOCK_LIMITS.locksMax
  }

  #put(name: string, lock: Lock): void {
    if (isUnused(lock)) this.#locks.delete(name)
    else this.#locks.set(name, lock)
  }
}

function isUnused({ holders, waiters }: Lock): boolean {
  return holders.length + waiters.length === 0
}

function renewedHolder({ holders }: Lock, owner: string, endsAt: number): Holder | undefined {
  const holder = holders.find((each) => each.owner === owner)
  // A lease is never shortened: an earlier command of this owner promised its end.
  return holder && { ...holder, endsAt: Math.max(endsAt, holder.endsAt) }
}

function refused(reason: LockRefusal, message: string): LockOutcome {
  return { type: 'refused', reason, message }
}

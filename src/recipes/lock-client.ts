/** Locks and semaphores of a cluster, for programs: acquire, hold with renewals, release. */
import type { Clock } from '../contracts/clock.ts'
import { RaftError } from '../errors.ts'
import { withDefaults } from '../platform/options.ts'
import { systemClock } from '../platform/system-clock.ts'
import { realClock } from '../runtime/real-clock.ts'
import { Lease } from './lease.ts'
import type { LockCommand, LockRefusal, LockResult } from './lock-machine.ts'
import { assertOptions, type Proposer, StampedProposer, uniqueId, waitFor } from './proposer.ts'

/** How a lock is acquired. */
export interface AcquireOptions {
  /** How long the lock stays with a holder that crashed, at least, in milliseconds. It is renewed three times in it. Default: 10,000. */
  readonly ttlMs?: number | undefined
  /** How many owners may hold it together: 1 for a lock, more for a semaphore. All owners must pass the same number. Default: 1. */
  readonly permits?: number | undefined
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined
  /** The longest wait in milliseconds; then it rejects with ERR_RAFT_TIMEOUT. Default: no limit. */
  readonly timeoutMs?: number | undefined
}

/** The options of a lock client. */
export interface LockClientOptions {
  /** How often an owner that waits asks again, in milliseconds. Each time is a command. Default: 250. */
  readonly pollMs?: number | undefined
  /** The clock, for tests. */
  readonly clock?: Clock | undefined
}

/** A lock that this process holds, until it is released or the signal is aborted. */
export interface HeldLock {
  readonly name: string
  /**
   * The fencing token: larger than that of every earlier holder of any lock of this cluster. A resource that rejects tokens smaller than the largest
   * it has seen is safe from a holder that does not yet know that it lost the lock.
   */
  readonly token: number
  /** Aborted as soon as it is not certain that the lock is held, with a RaftError (ERR_RAFT_LEASE_LOST) as the reason, and by `release`. */
  readonly signal: AbortSignal
  /** Resolves once the lock is released. If it rejects, the lock becomes free when its lease ends. */
  release(): Promise<void>
  /** `release`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}

/** Locks of a cluster whose state machine is a LockMachine. */
export interface LockClient {
  /** Waits until this caller holds the lock, in the order of arrival. Rejects with ERR_RAFT_OVERLOADED beyond a bound of LOCK_LIMITS. */
  acquire(name: string, options?: AcquireOptions): Promise<HeldLock>
  /** The same without waiting: undefined if others hold the lock. */
  tryAcquire(name: string, options?: AcquireOptions): Promise<HeldLock | undefined>
}

const DEFAULTS = { pollMs: 250 }
const ACQUIRE_DEFAULTS = { ttlMs: 10_000, permits: 1, timeoutMs: Number.POSITIVE_INFINITY }

type Locks = StampedProposer<LockCommand, LockResult>

/** Makes a client of the locks behind a node or client with the codecs of the lock machine. */
export function lockClient(proposer: Proposer<LockCommand, LockResult>, options: LockClientOptions = {}): LockClient {
  assertOptions(options)
  const { clock } = options
  const { pollMs } = withDefaults(DEFAULTS, options)
  // A clock that stops during a suspension is safe for the time of others, one that counts it for the own lease.
  const locks: Locks = new StampedProposer(proposer, clock ?? systemClock)
  const leaseClock = clock ?? realClock()
  return {
    async acquire(name, acquireOptions) {
      return (await new Acquisition(locks, leaseClock, name, acquireOptions).run(pollMs)) as HeldLock
    },
    async tryAcquire(name, acquireOptions) {
      return new Acquisition(locks, leaseClock, name, acquireOptions).run(undefined)
    },
  }
}

/** One owner of a lock. It may repeat each of its commands. */
class Acquisition {
  readonly #locks: Locks
  readonly #clock: Clock
  readonly #name: string
  readonly #owner = uniqueId()
  readonly #options: typeof ACQUIRE_DEFAULTS
  readonly #signal: AbortSignal | undefined

  constructor(locks: Locks, clock: Clock, name: string, options: AcquireOptions = {}) {
    assertOptions(options, 'ttlMs', 'permits', 'signal')
    this.#locks = locks
    this.#clock = clock
    this.#name = name
    this.#options = withDefaults(ACQUIRE_DEFAULTS, options)
    this.#signal = options.signal
  }

  /** Without `pollMs`, it does not wait. Errors are retried for `ttlMs`, after which this owner has lost its place. */
  async run(pollMs: number | undefined): Promise<HeldLock | undefined> {
    const { ttlMs, timeoutMs } = this.#options
    const wait = { pollMs: pollMs ?? DEFAULTS.pollMs, signal: this.#signal, timeoutMs, patienceMs: ttlMs }
    try {
      const { held } = await waitFor({ what: this.#what, clock: this.#clock, ...wait }, (limitMs, sentAt) =>
        this.#ask(pollMs !== undefined, limitMs, sentAt),
      )
      return held
    } catch (error) {
      // Frees the place in the line now rather than at the end of its lease.
      this.#release().catch(() => undefined)
      throw error
    }
  }

  get #what(): string {
    return `lock '${this.#name}'`
  }

  async #ask(
    wait: boolean,
    timeoutMs: number,
    sentAt: number,
  ): Promise<{ readonly held: HeldLock | undefined } | undefined> {
    const { ttlMs, permits } = this.#options
    const command = { type: 'acquire', ...this.#owned, ttlMs, permits, wait } as const
    const result = await this.#locks.propose(command, { timeoutMs, signal: this.#signal })
    if (result.type === 'held') return { held: this.#held(result.token, sentAt) }
    if (result.type === 'busy') return { held: undefined }
    if (result.type === 'refused') throw refusalError(result.reason, result.message)
    return undefined
  }

  get #owned(): { readonly name: string; readonly owner: string } {
    return { name: this.#name, owner: this.#owner }
  }

  #held(token: number, sentAt: number): HeldLock {
    const { ttlMs } = this.#options
    const renew = async (timeoutMs: number): Promise<boolean> => {
      const result = await this.#locks.propose({ type: 'renew', ...this.#owned, ttlMs }, { timeoutMs })
      return result.type === 'held'
    }
    const lease = new Lease({ name: this.#what, clock: this.#clock, ttlMs, sentAt, renew })
    let released: Promise<void> | undefined
    const release = (): Promise<void> => {
      lease.stop(new RaftError('ERR_RAFT_ABORTED', `${this.#what} was released`))
      released ??= this.#release()
      return released
    }
    return { name: this.#name, token, signal: lease.signal, release, [Symbol.asyncDispose]: release }
  }

  async #release(): Promise<void> {
    await this.#locks.propose({ type: 'release', ...this.#owned })
  }
}

function refusalError(reason: LockRefusal, message: string): RaftError {
  return reason === 'too many locks' || reason === 'too many waiters'
    ? new RaftError('ERR_RAFT_OVERLOADED', message, {
        retryable: false,
        hint: 'try again when locks have been released',
      })
    : new RaftError('ERR_RAFT_OPTIONS', message, { hint: 'pass the same permits at every caller' })
}

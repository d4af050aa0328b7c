/** Questions to the state machine: all of one turn share one confirmation by the core, then wait until enough is applied. */
import type { Clock, Timer } from '../../contracts/clock.ts'
import type { Input } from '../../core/inputs.ts'
import type { Instant, LogIndex } from '../../core/types.ts'
import type { RaftError } from '../../errors.ts'
import { onAbort } from '../../platform/on-abort.ts'
import { notStartedError } from './rejections.ts'

/** How a read is confirmed; 'local' ones are not, they only wait for a whole state. */
export type Confirmation = 'quorum' | 'lease' | 'local'

/** One caller who waits. */
export interface Read {
  readonly query: () => unknown
  /** Asks again, as long as there is time, when nobody leads just now; else that is the answer. */
  readonly retryWithoutLeader: boolean
  readonly deadline: Instant
  readonly signal: AbortSignal | undefined
  readonly resolve: (answer: never) => void
  readonly reject: (error: unknown) => void
}

interface PendingRead extends Read {
  readonly confirmation: Confirmation
  /** Why it was not confirmed when it was last tried. */
  lastError: RaftError | undefined
  isSettled: boolean
  unlisten: (() => void) | undefined
}

/** Reads that share a confirmation. */
interface ReadGroup {
  readonly waiting: readonly PendingRead[]
  /** Answered once this is applied; undefined until the core has said. */
  index: LogIndex | undefined
}

/** What the applier knows. */
export interface AppliedState {
  readonly appliedIndex: LogIndex
  /** The machine holds a whole state (it is not being restored). */
  readonly isReadable: boolean
}

export interface ReadsParts {
  readonly appliedState: AppliedState
  readonly clock: Clock
  /** There is something to gather. */
  readonly wake: () => void
}

/** How soon a patient read is tried again. */
const RETRY_MS = 50

export class Reads {
  readonly #parts: ReadsParts
  readonly #appliedState: AppliedState
  /** Refused for now, to be tried again when the timer rings. */
  #awaitingRetry: PendingRead[] = []
  #retryTimer: Timer | undefined
  #queued: Record<'quorum' | 'lease', PendingRead[]> = { quorum: [], lease: [] }
  /** Asked of the core, by the number given to it. */
  readonly #submitted = new Map<number, ReadGroup>()
  /** Confirmed, waiting to be applied. */
  #confirmed: ReadGroup[] = []
  #lastNumber = 0
  #count = 0

  constructor(parts: ReadsParts) {
    this.#parts = parts
    this.#appliedState = parts.appliedState
  }

  get count(): number {
    return this.#count
  }

  add(read: Read, confirmation: Confirmation): void {
    const waiting: PendingRead = { ...read, confirmation, lastError: undefined, isSettled: false, unlisten: undefined }
    this.#count++
    if (confirmation !== 'local') this.#queued[confirmation].push(waiting)
    else {
      const group = { waiting: [waiting], index: 0 }
      if (!this.#isReady(group)) this.#confirmed.push(group)
      else {
        this.#answer(group)
        return
      }
    }
    const { signal } = read
    if (signal === undefined) return
    const aborted = (): void =>
      this.#reject(waiting, notStartedError('read', 'the caller gave up waiting', 'ERR_RAFT_ABORTED', signal.reason))
    waiting.unlisten = onAbort(signal, aborted)
  }

  /** All that have gathered become one read of the core (one for each way of confirming). */
  collectInputs(post: (input: Input) => void): void {
    for (const mode of ['quorum', 'lease'] as const) {
      if (this.#queued[mode].length === 0) continue
      const waiting = this.#queued[mode].filter((one) => !one.isSettled)
      this.#queued[mode] = []
      if (waiting.length === 0) continue
      const read = ++this.#lastNumber
      this.#submitted.set(read, { waiting, index: undefined })
      post({ type: 'read', read, mode })
    }
  }

  /** The core: once applied up to `index`, they may be answered. */
  ready(read: number, index: LogIndex): void {
    const group = this.#submitted.get(read)
    if (group === undefined) return
    this.#submitted.delete(read)
    group.index = index
    if (this.#isReady(group)) this.#answer(group)
    else this.#confirmed.push(group)
  }

  /** The core cannot confirm it. `isTransient`: because nobody leads just now. */
  rejected(read: number, error: RaftError, isTransient: boolean): void {
    const group = this.#submitted.get(read)
    this.#submitted.delete(read)
    for (const waiting of group?.waiting ?? []) {
      if (waiting.isSettled) continue
      if (isTransient && waiting.retryWithoutLeader) this.#scheduleRetry(waiting, error)
      else this.#reject(waiting, error)
    }
  }

  #scheduleRetry(waiting: PendingRead, error: RaftError): void {
    const { clock, wake } = this.#parts
    waiting.lastError = error
    this.#awaitingRetry.push(waiting)
    this.#retryTimer ??= clock.wakeAt(clock.now() + RETRY_MS, () => {
      this.#retryTimer = undefined
      for (const parked of this.#awaitingRetry.splice(0))
        if (parked.confirmation !== 'local' && !parked.isSettled) this.#queued[parked.confirmation].push(parked)
      wake()
    })
  }

  /** More was applied, or a snapshot restored. */
  onApplied(): void {
    if (this.#confirmed.length === 0) return
    const ready = this.#confirmed.filter((group) => this.#isReady(group))
    if (ready.length === 0) return
    this.#confirmed = this.#confirmed.filter((group) => !this.#isReady(group))
    for (const group of ready) this.#answer(group)
  }

  sweep(now: Instant): Instant {
    let next = Number.POSITIVE_INFINITY
    const check = (waiting: PendingRead): void => {
      if (waiting.isSettled) return
      if (waiting.deadline > now) next = Math.min(next, waiting.deadline)
      else
        this.#reject(waiting, waiting.lastError ?? notStartedError('read', this.#timeoutReason(), 'ERR_RAFT_TIMEOUT'))
    }
    for (const waiting of this.#all()) check(waiting)
    this.#confirmed = this.#confirmed.filter((group) => group.waiting.some((waiting) => !waiting.isSettled))
    return next
  }

  close(why: string, cause?: unknown): void {
    for (const waiting of this.#all()) this.#reject(waiting, notStartedError('read', why, 'ERR_RAFT_CLOSED', cause))
    this.#retryTimer?.cancel()
    this.#retryTimer = undefined
    this.#awaitingRetry = []
    this.#queued = { quorum: [], lease: [] }
    this.#submitted.clear()
    this.#confirmed = []
  }

  #all(): PendingRead[] {
    const groups = [...this.#submitted.values(), ...this.#confirmed].flatMap((group) => group.waiting)
    return [...this.#queued.quorum, ...this.#queued.lease, ...this.#awaitingRetry, ...groups]
  }

  /** A reader that waits for this node to catch up is told how far it is behind. */
  #timeoutReason(): string {
    const { appliedIndex } = this.#appliedState
    const behind = Math.max(0, ...this.#confirmed.map(({ index }) => (index ?? 0) - appliedIndex))
    return behind > 0 ? `its time was up, with ${behind} entries still to be applied here` : 'its time was up'
  }

  #isReady(group: ReadGroup): boolean {
    return this.#appliedState.isReadable && group.index !== undefined && this.#appliedState.appliedIndex >= group.index
  }

  #answer(group: ReadGroup): void {
    for (const waiting of group.waiting) {
      if (waiting.isSettled) continue
      this.#settle(waiting)
      try {
        waiting.resolve(waiting.query() as never)
      } catch (error) {
        waiting.reject(error)
      }
    }
  }

  #reject(waiting: PendingRead, error: unknown): void {
    if (waiting.isSettled) return
    this.#settle(waiting)
    waiting.reject(error)
  }

  #settle(waiting: PendingRead): void {
    waiting.isSettled = true
    waiting.unlisten?.()
    this.#count--
  }
}

/** Pending reads: those of one turn share one confirmation by the core, then wait until the state machine has caught up. */
import type { Clock, Timer } from '../../contracts/clock.ts'
import type { QueueStatus, ReadMode } from '../../contracts/node-service.ts'
import type { Input } from '../../core/inputs.ts'
import type { RaftStatus } from '../../core/status.ts'
import type { Instant, LogIndex } from '../../core/types.ts'
import type { RaftError } from '../../errors.ts'
import { type Freshness, freshnessOf, laggingError, staleError } from '../../platform/freshness.ts'
import { type Caller, expireCalls, PendingCall } from '../../platform/pending-call.ts'
import type { Meters } from '../meters.ts'
import { notStartedError, overloadedError } from './rejections.ts'
import { StateAge } from './state-age.ts'

/** How the core confirms a read. A 'local' read needs no confirmation; it only waits until no snapshot is being restored. */
type Confirmation = 'quorum' | 'lease' | 'local'

const CONFIRMATIONS: Record<ReadMode, Confirmation> = { linearizable: 'quorum', lease: 'lease', local: 'local' }

export interface Read extends Caller, Freshness {
  /** Runs the query and resolves the caller. If it throws, the read rejects with that error. */
  readonly answer: () => void
  /** Whether to try again until the deadline while there is no leader. If false, the read fails at once. */
  readonly retryWithoutLeader: boolean
}

class PendingRead extends PendingCall {
  readonly answer: () => void
  readonly mode: ReadMode
  /** When the caller asked, if the node measures that. */
  readonly startedAt: Instant | undefined
  readonly retryWithoutLeader: boolean
  readonly confirmation: Confirmation
  readonly atLeast: LogIndex
  readonly maxStalenessMs: number | undefined
  /** Why the last confirmation failed. */
  lastError: RaftError | undefined = undefined

  constructor(read: Read, startedAt?: Instant) {
    super(read)
    this.answer = read.answer
    this.mode = read.mode
    this.startedAt = startedAt
    this.retryWithoutLeader = read.retryWithoutLeader
    this.confirmation = read.maxStalenessMs === undefined ? CONFIRMATIONS[read.mode] : 'quorum'
    this.atLeast = read.atLeast
    this.maxStalenessMs = read.maxStalenessMs
  }
}

/** Reads that share a confirmation. */
interface ReadGroup {
  readonly reads: readonly PendingRead[]
  /** The index that must be applied before these reads are answered; undefined until the core confirms them. */
  index: LogIndex | undefined
  /** When this node asked a quorum for it; undefined if it did not. */
  readonly askedAt: Instant | undefined
  /** When this node asked for the confirmation, of whichever kind, if it measures that. */
  readonly submittedAt?: Instant | undefined
}

/** What the applier reports about the state machine. */
export interface AppliedState {
  readonly appliedIndex: LogIndex
  /** False while a snapshot is being restored. */
  readonly isReadable: boolean
}

export interface ReadsParts {
  readonly status: () => Pick<RaftStatus, 'id' | 'role' | 'leader' | 'commitIndex' | 'lastIndex'>
  readonly limits: ReadLimits
  readonly appliedState: AppliedState
  readonly clock: Clock
  readonly meters: Meters
  /** Schedules a turn, which calls `collectInputs`. */
  readonly wake: () => void
}

export interface ReadLimits {
  readonly pendingReadsMax: number
  readonly readLagEntriesMax: number
  readonly clockDriftMax: number
}

const RETRY_MS = 50

export class Reads {
  readonly #parts: ReadsParts
  readonly #appliedState: AppliedState
  readonly #age: StateAge
  /** Rejected because there was no leader; queued again when the timer fires. */
  #awaitingRetry: PendingRead[] = []
  #retryTimer: Timer | undefined
  #queued: Record<'quorum' | 'lease', PendingRead[]> = { quorum: [], lease: [] }
  /** Passed to the core and not yet answered, by read number. */
  readonly #submitted = new Map<number, ReadGroup>()
  /** Confirmed, and waiting for the applied index. */
  #confirmed: ReadGroup[] = []
  #lastNumber = 0

  constructor(parts: ReadsParts) {
    this.#parts = parts
    this.#appliedState = parts.appliedState
    this.#age = new StateAge(parts.limits.clockDriftMax)
  }

  get queues(): readonly QueueStatus[] {
    return [{ limit: 'pendingReadsMax', used: this.#confirmed.length, max: this.#parts.limits.pendingReadsMax }]
  }

  /** Throws if the read is hopeless. */
  add(read: Read): void {
    const { meters, clock } = this.#parts
    const pending = new PendingRead(read, meters.isActive ? clock.now() : undefined)
    const { confirmation, atLeast, maxStalenessMs } = pending
    if (maxStalenessMs !== undefined && this.#answerIfFresh(pending, maxStalenessMs)) return
    const error = this.#isApplied(atLeast) ? undefined : this.#hopelessError(pending)
    if (error !== undefined) {
      this.#measure(pending, error.code)
      throw error
    }
    if (confirmation !== 'local') this.#queued[confirmation].push(pending)
    else {
      const group: ReadGroup = { reads: [pending], index: atLeast, askedAt: undefined }
      if (this.#isReady(group)) return this.#answer(group)
      this.#confirmed.push(group)
    }
    pending.listen(() =>
      this.#reject(
        pending,
        notStartedError('read', 'the caller stopped waiting', 'ERR_RAFT_ABORTED', pending.signal?.reason),
      ),
    )
  }

  /** Answers at once if the state is proven to be as fresh, and asks for the next proof in time. */
  #answerIfFresh(pending: PendingRead, maxStalenessMs: number): boolean {
    const now = this.#parts.clock.now()
    const group: ReadGroup = { reads: [pending], index: pending.atLeast, askedAt: undefined }
    if (this.#age.at(now) > maxStalenessMs || !this.#isReady(group)) return false
    if (this.#age.isRenewalDue(now, maxStalenessMs)) this.#queued.quorum.push(renewal(now + maxStalenessMs))
    this.#answer(group)
    return true
  }

  /** Passes all queued reads to the core, as one read for each kind of confirmation. */
  collectInputs(post: (input: Input) => void): void {
    for (const mode of ['quorum', 'lease'] as const) {
      if (this.#queued[mode].length === 0) continue
      const reads = this.#queued[mode].filter(({ isSettled }) => !isSettled)
      this.#queued[mode] = []
      if (reads.length === 0) continue
      const read = ++this.#lastNumber
      const now = this.#parts.clock.now()
      if (mode === 'quorum') this.#age.onAsked(now)
      const askedAt = mode === 'quorum' ? now : undefined
      this.#submitted.set(read, { reads, index: undefined, askedAt, submittedAt: now })
      post({ type: 'read', read, mode })
    }
  }

  /** The core has confirmed the read: it may be answered once `index` is applied. */
  ready(read: number, index: LogIndex): void {
    const group = this.#submitted.get(read)
    if (group === undefined) return
    this.#submitted.delete(read)
    const { askedAt, submittedAt } = group
    const { meters, clock } = this.#parts
    if (meters.isActive && submittedAt !== undefined)
      meters.readRound(askedAt === undefined ? 'lease' : 'quorum', clock.now() - submittedAt)
    const later = group.reads.filter(({ atLeast }) => atLeast > index)
    this.#await({ reads: group.reads.filter(({ atLeast }) => atLeast <= index), index, askedAt })
    for (const pending of later) this.#await({ reads: [pending], index: pending.atLeast, askedAt })
  }

  #await(group: ReadGroup): void {
    if (this.#isReady(group)) this.#answer(group)
    else this.#confirmed.push(group)
  }

  /** The core cannot confirm the read. `isTransient`: because there is no leader at the moment. */
  rejected(read: number, error: RaftError, isTransient: boolean): void {
    const group = this.#submitted.get(read)
    this.#submitted.delete(read)
    for (const pending of group?.reads ?? []) {
      if (pending.isSettled) continue
      if (isTransient && pending.retryWithoutLeader) this.#scheduleRetry(pending, error)
      else this.#reject(pending, isTransient ? this.#asStale(pending, error) : error)
    }
  }

  #scheduleRetry(pending: PendingRead, error: RaftError): void {
    const { clock, wake } = this.#parts
    pending.lastError = error
    this.#awaitingRetry.push(pending)
    this.#retryTimer ??= clock.wakeAt(clock.now() + RETRY_MS, () => {
      this.#retryTimer = undefined
      for (const read of this.#awaitingRetry.splice(0))
        if (read.confirmation !== 'local' && !read.isSettled) this.#queued[read.confirmation].push(read)
      wake()
    })
  }

  /** The applied index has advanced, or a snapshot was restored. */
  onApplied(): void {
    if (this.#confirmed.length === 0) return
    const ready = this.#confirmed.filter((group) => this.#isReady(group))
    if (ready.length === 0) return
    this.#confirmed = this.#confirmed.filter((group) => !this.#isReady(group))
    for (const group of ready) this.#answer(group)
  }

  sweep(now: Instant): Instant {
    const next = expireCalls(this.#all(), now, (pending) => this.#reject(pending, this.#timeoutError(pending)))
    this.#confirmed = this.#confirmed.filter(({ reads }) => reads.some(({ isSettled }) => !isSettled))
    return next
  }

  close(why: string, cause?: unknown): void {
    for (const pending of this.#all()) this.#reject(pending, notStartedError('read', why, 'ERR_RAFT_CLOSED', cause))
    this.#retryTimer?.cancel()
    this.#retryTimer = undefined
    this.#awaitingRetry = []
    this.#queued = { quorum: [], lease: [] }
    this.#submitted.clear()
    this.#confirmed = []
  }

  #all(): PendingRead[] {
    const groups = [...this.#submitted.values(), ...this.#confirmed].flatMap(({ reads }) => reads)
    return [...this.#queued.quorum, ...this.#queued.lease, ...this.#awaitingRetry, ...groups]
  }

  /** If a confirmed read waits for the state machine, this includes how far it is behind. */
  #timeoutReason(): string {
    const { appliedIndex } = this.#appliedState
    const behind = Math.max(0, ...this.#confirmed.map(({ index }) => (index ?? 0) - appliedIndex))
    return behind > 0 ? `it timed out with ${behind} entries still to be applied on this node` : 'it timed out'
  }

  #timeoutError(pending: PendingRead): RaftError {
    const { lastError, atLeast } = pending
    const { appliedIndex } = this.#appliedState
    if (lastError !== undefined) return this.#asStale(pending, lastError)
    if (atLeast > appliedIndex) return laggingError(this.#parts.status().id, appliedIndex, atLeast, 'it timed out')
    return this.#asStale(pending, notStartedError('read', this.#timeoutReason(), 'ERR_RAFT_TIMEOUT'))
  }

  /** For a read with `maxStalenessMs`: the error that names the age of the state. */
  #asStale({ maxStalenessMs }: PendingRead, cause: RaftError): RaftError {
    if (maxStalenessMs === undefined) return cause
    return staleError(this.#parts.status().id, this.#age.at(this.#parts.clock.now()), maxStalenessMs, cause)
  }

  /** Why the index of a read that is not yet applied cannot be expected in time. */
  #hopelessError({ atLeast, retryWithoutLeader }: PendingRead): RaftError | undefined {
    const { status, limits } = this.#parts
    const { id, role, leader, commitIndex, lastIndex } = status()
    const { appliedIndex } = this.#appliedState
    const lagging = (why: string): RaftError => laggingError(id, appliedIndex, atLeast, why)
    const { readLagEntriesMax, pendingReadsMax } = limits
    if (atLeast - appliedIndex > readLagEntriesMax) return lagging(`readLagEntriesMax is ${readLagEntriesMax}`)
    if (role === 'leader' && atLeast > lastIndex) return lagging(`it leads, and its log ends at ${lastIndex}`)
    if (!retryWithoutLeader && leader === undefined && atLeast > commitIndex) return lagging('it knows no leader')
    if (this.#confirmed.length >= pendingReadsMax)
      return overloadedError('the read was rejected', 'pendingReadsMax', this.#confirmed.length + 1, pendingReadsMax)
    return undefined
  }

  #isApplied(index: LogIndex): boolean {
    return this.#appliedState.appliedIndex >= index
  }

  #isReady(group: ReadGroup): boolean {
    return this.#appliedState.isReadable && group.index !== undefined && this.#isApplied(group.index)
  }

  #answer(group: ReadGroup): void {
    if (group.askedAt !== undefined) this.#age.onApplied(group.askedAt)
    for (const pending of group.reads) {
      if (!pending.settle()) continue
      const { maxStalenessMs } = pending
      const ageMs = maxStalenessMs === undefined ? 0 : this.#age.at(this.#parts.clock.now())
      if (maxStalenessMs !== undefined && ageMs > maxStalenessMs) {
        const error = staleError(this.#parts.status().id, ageMs, maxStalenessMs, SLOW_ROUND)
        this.#measure(pending, error.code)
        pending.reject(error)
        continue
      }
      this.#measure(pending, undefined)
      try {
        pending.answer()
      } catch (error) {
        pending.reject(error)
      }
    }
  }

  #reject(pending: PendingRead, error: RaftError): void {
    if (!pending.settle()) return
    this.#measure(pending, error.code)
    pending.reject(error)
  }

  #measure({ mode, startedAt }: PendingRead, code: RaftError['code'] | undefined): void {
    const { meters, clock } = this.#parts
    if (startedAt !== undefined) meters.read(mode, clock.now() - startedAt, code)
  }
}

const SLOW_ROUND = new Error('the confirmation took longer')

/** A read whose confirmation proves the age of the state, and which no caller waits for. */
function renewal(deadline: Instant): PendingRead {
  const ignore = (): void => undefined
  const call = { answer: ignore, reject: ignore, signal: undefined, deadline, retryWithoutLeader: false }
  return new PendingRead({ ...call, ...freshnessOf({}) })
}

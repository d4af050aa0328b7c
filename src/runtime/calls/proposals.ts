/** Pending proposals: from the caller's promise to the block that holds the command, and back when its outcome is known. */
import type { Clock, Timer } from '../../contracts/clock.ts'
import type { QueueStatus } from '../../contracts/node-service.ts'
import type { Input } from '../../core/inputs.ts'
import type { Instant, LogIndex, Term } from '../../core/types.ts'
import { RaftError } from '../../errors.ts'
import { expireCalls } from '../../platform/pending-call.ts'
import type { SessionOutcome } from '../../sessions/session-machine.ts'
import type { Meters } from '../meters.ts'
import { Batch, bodyOf, PendingProposal, type Proposal } from './proposal-batch.ts'
import { ProposalMeasures } from './proposal-measures.ts'
import { notStartedError, outcomeUnknownError, overloadedError } from './rejections.ts'

export interface ProposalLimits {
  readonly blockEntriesMax: number
  readonly blockBytesMax: number
  readonly pendingProposalsMax: number
  readonly pendingProposalBytesMax: number
}

/** A proposal that found no leader is tried again after this time. */
const RETRY_MS = 50

export interface ProposalsParts {
  readonly clock: Clock
  readonly meters: Meters
  /** The oldest command of a block was applied at `now`, this long after it was proposed. */
  readonly onApplied: (latencyMs: number, now: Instant) => void
  /** Schedules a turn, which calls `collectInputs`. */
  readonly wake: () => void
}

export class Proposals<Result> {
  readonly #limits: ProposalLimits
  readonly #parts: ProposalsParts
  readonly #measures: ProposalMeasures
  /** While it runs, proposals that wait for a leader stay in the queue. */
  #retryTimer: Timer | undefined
  /** Not yet passed to the core. */
  #queue: PendingProposal<Result>[] = []
  /** Passed to the core and not yet answered, by proposal number: between two steps, those that are forwarded. */
  readonly #submitted = new Map<number, Batch<Result>>()
  /** In the log at a known index, in the order of acceptance. Invariant: terms never decrease; the slots before `#head` are free. */
  #accepted: (Batch<Result> | undefined)[] = []
  #head = 0
  #lastNumber = 0
  #count = 0
  #bytes = 0

  constructor(limits: ProposalLimits, parts: ProposalsParts) {
    this.#limits = limits
    this.#parts = parts
    this.#measures = new ProposalMeasures(parts.meters, parts.clock)
  }

  /** The number of pending proposals. */
  get count(): number {
    return this.#count
  }

  get queues(): readonly QueueStatus[] {
    const { pendingProposalsMax, pendingProposalBytesMax } = this.#limits
    return [
      { limit: 'pendingProposalsMax', used: this.#count, max: pendingProposalsMax },
      { limit: 'pendingProposalBytesMax', used: this.#bytes, max: pendingProposalBytesMax },
    ]
  }

  /** The error that rejects one more command of this size, or undefined if there is capacity. */
  checkCapacity(bytes: number): RaftError | undefined {
    const { pendingProposalsMax, pendingProposalBytesMax } = this.#limits
    const rejected = 'the proposal was rejected'
    if (this.#count >= pendingProposalsMax)
      return overloadedError(rejected, 'pendingProposalsMax', this.#count + 1, pendingProposalsMax)
    if (this.#bytes + bytes > pendingProposalBytesMax)
      return overloadedError(rejected, 'pendingProposalBytesMax', this.#bytes + bytes, pendingProposalBytesMax)
    return undefined
  }

  add(proposal: Proposal<Result>): void {
    const pending = new PendingProposal(proposal)
    this.#queue.push(pending)
    this.#count++
    this.#bytes += pending.command.length
    // Most commands have no signal; they need no closure.
    const { signal } = pending
    if (signal !== undefined)
      pending.listen(() => this.#giveUp(pending, 'the caller stopped waiting', 'ERR_RAFT_ABORTED', signal.reason))
  }

  /** Passes all queued commands to the core, in as few blocks as the limits allow. */
  collectInputs(post: (input: Input) => void): void {
    if (this.#queue.length === 0) return
    const queue = this.#takeQueue()
    let block: PendingProposal<Result>[] = []
    let bytes = 0
    for (const pending of queue) {
      if (pending.isSettled) continue
      const isFull =
        block.length >= this.#limits.blockEntriesMax || bytes + pending.command.length > this.#limits.blockBytesMax
      if (block.length > 0 && (isFull || !haveSameConditions(block[0], pending))) {
        this.#submit(block, post)
        block = []
        bytes = 0
      }
      block.push(pending)
      bytes += pending.command.length
    }
    if (block.length > 0) this.#submit(block, post)
  }

  /**
   * All queued proposals, or, until the next retry, those that neither wait for a leader, so that none overtakes an earlier one that waits, nor were
   * tried before: a leader that has stepped down would answer a follower that has not noticed it as often as it asks.
   */
  #takeQueue(): readonly PendingProposal<Result>[] {
    const queue = this.#queue
    if (this.#retryTimer === undefined) {
      this.#queue = []
      return queue
    }
    const mustWait = ({ retryWithoutLeader, lastError }: PendingProposal<Result>): boolean =>
      retryWithoutLeader || lastError !== undefined
    this.#queue = queue.filter(mustWait)
    return queue.filter((pending) => !mustWait(pending))
  }

  #submit(proposals: readonly PendingProposal<Result>[], post: (input: Input) => void): void {
    const batch = new Batch(proposals)
    for (const pending of proposals) pending.batch = batch
    this.#measures.onSubmitted(batch)
    const proposal = ++this.#lastNumber
    this.#submitted.set(proposal, batch)
    const body = bodyOf(proposals)
    const { count, checksum, bytes } = body
    const { forward, expectTerm } = proposals[0] as PendingProposal<Result>
    post({ type: 'propose', proposal, count, size: bytes.length, checksum, payload: body, forward, expectTerm })
  }

  accepted(proposal: number, first: LogIndex, term: Term): void {
    const batch = this.#submitted.get(proposal)
    if (batch === undefined) return
    this.#submitted.delete(proposal)
    batch.first = first
    batch.term = term
    // Answers to forwarded proposals of one term may come out of order; the earlier terms are all before.
    let position = this.#accepted.length
    for (; position > this.#head; position--) {
      const earlier = this.#accepted[position - 1] as Batch<Result>
      if (earlier.term < term || earlier.first < first) break
    }
    if (position === this.#accepted.length) this.#accepted.push(batch)
    else this.#accepted.splice(position, 0, batch)
  }

  /**
   * The core has not appended the commands. Those that may wait for this reason are proposed again: 'leader' if there is none at the moment,
   * 'capacity' if too much is being forwarded.
   */
  rejected(proposal: number, error: RaftError, missing: 'leader' | 'capacity' | undefined): void {
    const batch = this.#submitted.get(proposal)
    if (batch === undefined) return
    this.#submitted.delete(proposal)
    const waiting: PendingProposal<Result>[] = []
    for (const pending of batch.proposals) {
      const { isSettled, retryWithoutLeader, mayBeApplied } = pending
      const mayWait = missing === 'capacity' || (missing === 'leader' && (retryWithoutLeader || mayBeApplied))
      if (!mayWait) this.#reject(pending, error)
      else if (!isSettled) waiting.push(pending)
    }
    this.#queueAgain(waiting, error)
  }

  #queueAgain(waiting: readonly PendingProposal<Result>[], error: RaftError): void {
    if (waiting.length === 0) return
    const { clock, wake } = this.#parts
    for (const pending of waiting) {
      pending.batch = undefined
      pending.lastError = error
    }
    this.#queue = [...waiting, ...this.#queue]
    this.#retryTimer ??= clock.wakeAt(clock.now() + RETRY_MS, () => {
      this.#retryTimer = undefined
      wake()
    })
  }

  /**
   * Returns the batch of the block that is about to be applied, if this node proposed it. Rejects the batches that this block proves
   * overwritten: those that start before its end, and those of a lower term, because terms never decrease along a log.
   */
  takeBatch(first: LogIndex, count: number, term: Term): Batch<Result> | undefined {
    for (;;) {
      const batch = this.#accepted[this.#head]
      if (batch === undefined || (batch.first >= first + count && batch.term >= term)) return undefined
      this.#removeFirst()
      if (batch.first === first && batch.term === term) return batch
      this.#rejectAll(batch, overwrittenError(batch.term, term))
    }
  }

  /**
   * The leader to which the core has forwarded the commands will not answer, or has answered too late. Commands of a session are proposed again:
   * they are applied once.
   */
  unknown(proposal: number): void {
    const batch = this.#submitted.get(proposal)
    if (batch === undefined) return
    this.#submitted.delete(proposal)
    this.#onUnknown(batch, 'the leader to which it was forwarded did not answer in time')
  }

  #onUnknown({ proposals }: Batch<Result>, why: string): void {
    const error = outcomeUnknownError('proposal', why)
    const again: PendingProposal<Result>[] = []
    for (const pending of proposals) {
      if (!pending.isEnveloped) this.#reject(pending, error)
      else if (!pending.isSettled) {
        pending.mayBeApplied = true
        again.push(pending)
      }
    }
    this.#queueAgain(again, error)
  }

  /** Every block that starts before `end` is committed. */
  onCommitted(end: LogIndex): void {
    this.#measures.onCommitted(this.#accepted, this.#head, end)
  }

  /** Every command of the batch was applied, the last one at `now`. */
  onApplied(batch: Batch<Result>, now: Instant): void {
    this.#measures.onApplied(batch, now)
    const [oldest] = batch.proposals
    if (oldest !== undefined) this.#parts.onApplied(now - oldest.startedAt, now)
  }

  /** The command at this offset of the batch was applied, at `now`. */
  resolve(batch: Batch<Result>, offset: number, result: Result, now: Instant): void {
    const pending = batch.proposals[offset] as PendingProposal<Result>
    if (this.#settle(pending, now)) pending.resolve(result, batch.first + offset, batch.term)
  }

  /** The entry of a session at this offset of the batch was applied: it was executed there, or by an earlier entry, or not at all. */
  conclude(batch: Batch<Result>, offset: number, outcome: SessionOutcome<Result>, now: Instant): void {
    const pending = batch.proposals[offset] as PendingProposal<Result>
    if (outcome instanceof RaftError) return this.#reject(pending, outcome)
    // A registration has no result; its caller needs the index only.
    if (this.#settle(pending, now)) pending.resolve(outcome.result as Result, outcome.index, outcome.term)
  }

  /** The remaining commands of a batch that was taken will not be applied. */
  abandon(batch: Batch<Result>, why: string, cause?: unknown): void {
    this.#rejectAll(batch, outcomeUnknownError('proposal', why, cause))
  }

  /** A snapshot has replaced the log up to this index: whether it contains the commands in it cannot be known. */
  onSnapshotInstalled(index: LogIndex): void {
    const accepted = this.#acceptedBatches()
    // In the order of their acceptance, which is not that of their indexes after a change of leaders.
    this.#accepted = accepted.filter((batch) => batch.first > index)
    this.#head = 0
    for (const batch of accepted)
      if (batch.first <= index) this.#onUnknown(batch, 'a snapshot from the leader replaced its log entry')
  }

  sweep(now: Instant): Instant {
    const expire = (pending: PendingProposal<Result>): void => this.#giveUp(pending, 'it timed out', 'ERR_RAFT_TIMEOUT')
    let next = expireCalls(this.#queue, now, (pending) => {
      const { lastError } = pending
      if (lastError === undefined) expire(pending)
      else this.#reject(pending, lastError)
    })
    this.#queue = this.#queue.filter(({ isSettled }) => !isSettled)
    for (const [proposal, batch] of this.#submitted) {
      next = Math.min(next, expireCalls(batch.proposals, now, expire))
      if (batch.pendingCount === 0) this.#submitted.delete(proposal)
    }
    const accepted = this.#acceptedBatches()
    for (const { proposals } of accepted) next = Math.min(next, expireCalls(proposals, now, expire))
    this.#accepted = accepted.filter((batch) => batch.pendingCount > 0)
    this.#head = 0
    return next
  }

  /** Rejects every proposal. What was not yet passed to the core is certainly not applied. */
  close(why: string, cause?: unknown): void {
    const batches = [...this.#submitted.values(), ...this.#acceptedBatches()]
    const pending = [...this.#queue, ...batches.flatMap(({ proposals }) => proposals)]
    this.#retryTimer?.cancel()
    this.#retryTimer = undefined
    this.#queue = []
    this.#submitted.clear()
    this.#accepted = []
    this.#head = 0
    for (const proposal of pending) this.#giveUp(proposal, why, 'ERR_RAFT_CLOSED', cause)
  }

  #giveUp(
    pending: PendingProposal<Result>,
    why: string,
    code: 'ERR_RAFT_TIMEOUT' | 'ERR_RAFT_ABORTED' | 'ERR_RAFT_CLOSED',
    cause?: unknown,
  ): void {
    const isSubmitted = pending.batch !== undefined || pending.mayBeApplied
    this.#end(
      pending,
      isSubmitted ? outcomeUnknownError('proposal', why, cause) : notStartedError('proposal', why, code, cause),
    )
  }

  #rejectAll(batch: Batch<Result>, error: RaftError): void {
    for (const pending of batch.proposals) this.#reject(pending, error)
  }

  #reject(pending: PendingProposal<Result>, error: RaftError): void {
    const isUncertain = pending.mayBeApplied && error.outcome === 'not-applied'
    this.#end(
      pending,
      isUncertain
        ? outcomeUnknownError('proposal', `an earlier attempt may be applied, and then ${error.message}`, error)
        : error,
    )
  }

  #end(pending: PendingProposal<Result>, error: RaftError): void {
    if (this.#settle(pending, undefined, error)) pending.reject(error)
  }

  /** `now` is when the command was applied; undefined if it was not. */
  #settle(pending: PendingProposal<Result>, now: Instant | undefined, error?: RaftError): boolean {
    if (!pending.settle()) return false
    this.#measures.onSettled(pending, now, error?.code)
    if (pending.batch !== undefined) pending.batch.pendingCount--
    this.#count--
    this.#bytes -= pending.command.length
    return true
  }

  #acceptedBatches(): Batch<Result>[] {
    return this.#accepted.slice(this.#head) as Batch<Result>[]
  }

  #removeFirst(): void {
    this.#accepted[this.#head++] = undefined
    if (this.#head < 64 || this.#head * 2 < this.#accepted.length) return
    this.#accepted = this.#accepted.slice(this.#head)
    this.#head = 0
  }
}

function overwrittenError(term: Term, newTerm: Term): RaftError {
  return new RaftError(
    'ERR_RAFT_ENTRY_OVERWRITTEN',
    `the proposal of term ${term} was overwritten by another entry of the leader of term ${newTerm}`,
    { hint: 'it was certainly not applied: propose it again' },
  )
}

/** A block is appended whole or not at all. */
function haveSameConditions<Result>(one: PendingProposal<Result> | undefined, other: PendingProposal<Result>): boolean {
  return one?.forward === other.forward && one.expectTerm === other.expectTerm
}

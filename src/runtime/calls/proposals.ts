/** Pending proposals: from the caller's promise to the block that holds the command, and back when its outcome is known. */
import type { Clock, Timer } from '../../contracts/clock.ts'
import type { Input } from '../../core/inputs.ts'
import type { Instant, LogIndex, Term } from '../../core/types.ts'
import { RaftError } from '../../errors.ts'
import { encodeBody } from '../../log-format/block.ts'
import { type Caller, expireCalls, PendingCall } from '../../platform/pending-call.ts'
import type { SessionOutcome } from '../../sessions/session-machine.ts'
import { notStartedError, outcomeUnknownError, overloadedError } from './rejections.ts'

export interface ProposalLimits {
  readonly blockEntriesMax: number
  readonly blockBytesMax: number
  readonly pendingProposalsMax: number
  readonly pendingProposalBytesMax: number
}

export interface Proposal<Result> extends Caller {
  readonly command: Uint8Array
  /** Whether `command` is in an envelope, which concerns a session. */
  readonly isEnveloped?: boolean | undefined
  /** Whether to try again until the deadline while there is no leader. If false, the proposal fails at once. */
  readonly retryWithoutLeader: boolean
  /** Called once the command is applied on this node, with the place of its entry in the log. */
  readonly resolve: (result: Result, index: LogIndex, term: Term) => void
}

class PendingProposal<Result> extends PendingCall {
  readonly command: Uint8Array
  readonly isEnveloped: boolean
  readonly retryWithoutLeader: boolean
  readonly resolve: (result: Result, index: LogIndex, term: Term) => void
  batch: Batch<Result> | undefined = undefined
  /** Why it was not appended the last time. */
  lastError: RaftError | undefined = undefined

  constructor(proposal: Proposal<Result>) {
    super(proposal)
    this.command = proposal.command
    this.isEnveloped = proposal.isEnveloped === true
    this.retryWithoutLeader = proposal.retryWithoutLeader
    this.resolve = proposal.resolve
  }
}

/** The proposals of one block, in order, from the step that passes them to the core. */
export class Batch<Result> {
  readonly proposals: readonly PendingProposal<Result>[]
  /** The index of the first command, once the core has appended the block. */
  first: LogIndex = 0
  term: Term = 0
  pendingCount: number

  constructor(proposals: readonly PendingProposal<Result>[]) {
    this.proposals = proposals
    this.pendingCount = proposals.length
  }
}

/** A proposal that found no leader is tried again after this time. */
const RETRY_MS = 50

export interface ProposalsParts {
  readonly clock: Clock
  /** Schedules a turn, which calls `collectInputs`. */
  readonly wake: () => void
}

export class Proposals<Result> {
  readonly #limits: ProposalLimits
  readonly #parts: ProposalsParts
  /** While it runs, proposals that wait for a leader stay in the queue. */
  #retryTimer: Timer | undefined
  /** Not yet passed to the core. */
  #queue: PendingProposal<Result>[] = []
  /** Passed to the core and not yet answered, by proposal number; empty between two steps. */
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
  }

  /** The number of pending proposals. */
  get count(): number {
    return this.#count
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
      if (isFull && block.length > 0) {
        this.#submit(block, post)
        block = []
        bytes = 0
      }
      block.push(pending)
      bytes += pending.command.length
    }
    if (block.length > 0) this.#submit(block, post)
  }

  /** All queued proposals, or, until the next retry, those that do not wait for a leader: none overtakes an earlier one that waits. */
  #takeQueue(): readonly PendingProposal<Result>[] {
    const queue = this.#queue
    const isWaiting = this.#retryTimer !== undefined
    this.#queue = isWaiting ? queue.filter(({ retryWithoutLeader }) => retryWithoutLeader) : []
    return isWaiting ? queue.filter(({ retryWithoutLeader }) => !retryWithoutLeader) : queue
  }

  #submit(proposals: readonly PendingProposal<Result>[], post: (input: Input) => void): void {
    const batch = new Batch(proposals)
    for (const pending of proposals) pending.batch = batch
    const proposal = ++this.#lastNumber
    this.#submitted.set(proposal, batch)
    const body = encodeBody(
      proposals.map(({ command }) => command),
      envelopedOffsets(proposals),
    )
    const { count, checksum, bytes } = body
    post({ type: 'propose', proposal, count, size: bytes.length, checksum, payload: body })
  }

  accepted(proposal: number, first: LogIndex, term: Term): void {
    const batch = this.#submitted.get(proposal)
    if (batch === undefined) return
    this.#submitted.delete(proposal)
    batch.first = first
    batch.term = term
    this.#accepted.push(batch)
  }

  /** The core has not appended the commands. `isTransient`: because there is no leader at the moment. */
  rejected(proposal: number, error: RaftError, isTransient: boolean): void {
    const batch = this.#submitted.get(proposal)
    if (batch === undefined) return
    this.#submitted.delete(proposal)
    if (isTransient) this.#awaitRetry(batch, error)
    else this.#rejectAll(batch, error)
  }

  #awaitRetry({ proposals }: Batch<Result>, error: RaftError): void {
    const { clock, wake } = this.#parts
    const waiting = proposals.filter(({ isSettled, retryWithoutLeader }) => !isSettled && retryWithoutLeader)
    for (const pending of proposals) if (!pending.retryWithoutLeader && this.#settle(pending)) pending.reject(error)
    if (waiting.length === 0) return
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

  /** The command at this offset of the batch was applied. */
  resolve(batch: Batch<Result>, offset: number, result: Result): void {
    const pending = batch.proposals[offset] as PendingProposal<Result>
    if (this.#settle(pending)) pending.resolve(result, batch.first + offset, batch.term)
  }

  /** The entry of a session at this offset of the batch was applied: it was executed there, or by an earlier entry, or not at all. */
  conclude(batch: Batch<Result>, offset: number, outcome: SessionOutcome<Result>): void {
    const pending = batch.proposals[offset] as PendingProposal<Result>
    if (!this.#settle(pending)) return
    if (outcome instanceof RaftError) pending.reject(outcome)
    // A registration has no result; its caller needs the index only.
    else pending.resolve(outcome.result as Result, outcome.index, outcome.term)
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
      if (batch.first <= index)
        this.#rejectAll(batch, outcomeUnknownError('proposal', 'a snapshot from the leader replaced its log entry'))
  }

  sweep(now: Instant): Instant {
    const expire = (pending: PendingProposal<Result>): void => this.#giveUp(pending, 'it timed out', 'ERR_RAFT_TIMEOUT')
    let next = expireCalls(this.#queue, now, (pending) => {
      const { lastError } = pending
      if (lastError === undefined) expire(pending)
      else if (this.#settle(pending)) pending.reject(lastError)
    })
    this.#queue = this.#queue.filter(({ isSettled }) => !isSettled)
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
    if (!this.#settle(pending)) return
    const isSubmitted = pending.batch !== undefined
    pending.reject(
      isSubmitted ? outcomeUnknownError('proposal', why, cause) : notStartedError('proposal', why, code, cause),
    )
  }

  #rejectAll(batch: Batch<Result>, error: RaftError): void {
    for (const pending of batch.proposals) if (this.#settle(pending)) pending.reject(error)
  }

  #settle(pending: PendingProposal<Result>): boolean {
    if (!pending.settle()) return false
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

const NONE: ReadonlySet<number> = new Set()

function envelopedOffsets(proposals: readonly { readonly isEnveloped: boolean }[]): ReadonlySet<number> {
  let offsets: Set<number> | undefined
  for (let offset = 0; offset < proposals.length; offset++) {
    if (proposals[offset]?.isEnveloped !== true) continue
    offsets ??= new Set()
    offsets.add(offset)
  }
  return offsets ?? NONE
}

function overwrittenError(term: Term, newTerm: Term): RaftError {
  return new RaftError(
    'ERR_RAFT_ENTRY_OVERWRITTEN',
    `the proposal of term ${term} was overwritten by another entry of the leader of term ${newTerm}`,
    { hint: 'it was certainly not applied: propose it again' },
  )
}

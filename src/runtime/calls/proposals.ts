/** Commands on their way: from the caller's promise to the block they are part of, and back when their fate is known. */

import type { Input } from '../../core/inputs.ts'
import type { Instant, LogIndex, Term } from '../../core/types.ts'
import type { RaftError } from '../../errors.ts'
import { RaftError as RaftFailure } from '../../errors.ts'
import { encodedSize } from '../../log-format/block.ts'
import { onAbort } from '../../platform/on-abort.ts'
import { notStartedError, outcomeUnknownError, overloadedError } from './rejections.ts'

export interface ProposalLimits {
  readonly blockEntriesMax: number
  readonly blockBytesMax: number
  readonly pendingProposalsMax: number
  readonly pendingProposalBytesMax: number
}

/** Where a command was applied, and with what result. Made only for those who ask for it. */
export interface Landing {
  readonly index: LogIndex
  readonly term: Term
  readonly result: unknown
}

/** One caller who waits. */
export interface Proposal {
  readonly command: Uint8Array
  readonly deadline: Instant
  readonly signal: AbortSignal | undefined
  /** Whether the caller wants to know where the command landed, and not only the result. */
  readonly wantsLanding: boolean
  readonly resolve: (value: never) => void
  readonly reject: (error: RaftError) => void
}

/** Made for every command: a class, and not a spread object, for a tenth of the time. */
class PendingProposal implements Proposal {
  readonly command: Uint8Array
  readonly deadline: Instant
  readonly signal: AbortSignal | undefined
  readonly wantsLanding: boolean
  readonly resolve: (value: never) => void
  readonly reject: (error: RaftError) => void
  isSettled = false
  batch: OpenBatch | undefined = undefined
  unlisten: (() => void) | undefined = undefined

  constructor(proposal: Proposal) {
    this.command = proposal.command
    this.deadline = proposal.deadline
    this.signal = proposal.signal
    this.wantsLanding = proposal.wantsLanding
    this.resolve = proposal.resolve
    this.reject = proposal.reject
  }
}

/** The proposals of one block, from the moment the core is asked. */
export interface Batch {
  readonly first: LogIndex
  readonly term: Term
}

class OpenBatch implements Batch {
  readonly proposals: readonly PendingProposal[]
  first: LogIndex = 0
  term: Term = 0
  /** How many still wait. */
  pendingCount: number

  constructor(waiting: readonly PendingProposal[]) {
    this.proposals = waiting
    this.pendingCount = waiting.length
  }
}

export class Proposals {
  readonly #limits: ProposalLimits
  /** Not yet given to the core. */
  #queue: PendingProposal[] = []
  /** Given to the core, not yet answered: only within one turn. */
  readonly #submitted = new Map<number, OpenBatch>()
  /** In the log at a known place; rising by index and term. Those before `#head` are done with. */
  #accepted: (OpenBatch | undefined)[] = []
  #head = 0
  #lastNumber = 0
  #count = 0
  #bytes = 0

  constructor(limits: ProposalLimits) {
    this.#limits = limits
  }

  /** How many callers wait. */
  get count(): number {
    return this.#count
  }

  /** Why one more command of this size would be too much, or undefined if it would not. */
  checkCapacity(bytes: number): RaftError | undefined {
    const { pendingProposalsMax, pendingProposalBytesMax } = this.#limits
    const refused = 'the proposal was refused'
    if (this.#count >= pendingProposalsMax)
      return overloadedError(refused, 'pendingProposalsMax', this.#count + 1, pendingProposalsMax)
    if (this.#bytes + bytes > pendingProposalBytesMax)
      return overloadedError(refused, 'pendingProposalBytesMax', this.#bytes + bytes, pendingProposalBytesMax)
    return undefined
  }

  add(proposal: Proposal): void {
    const waiting = new PendingProposal(proposal)
    this.#queue.push(waiting)
    this.#count++
    this.#bytes += waiting.command.length
    const { signal } = proposal
    if (signal === undefined) return
    const aborted = (): void => this.#giveUp(waiting, 'the caller gave up waiting', 'ERR_RAFT_ABORTED', signal.reason)
    waiting.unlisten = onAbort(signal, aborted)
  }

  /** All that has gathered since the last turn goes to the core: one block, or as few as the limits allow. */
  collectInputs(post: (input: Input) => void): void {
    if (this.#queue.length === 0) return
    const queue = this.#queue
    this.#queue = []
    let batch: PendingProposal[] = []
    let bytes = 0
    for (const waiting of queue) {
      if (waiting.isSettled) continue
      const isFull =
        batch.length >= this.#limits.blockEntriesMax || bytes + waiting.command.length > this.#limits.blockBytesMax
      if (isFull && batch.length > 0) {
        this.#submit(batch, bytes, post)
        batch = []
        bytes = 0
      }
      batch.push(waiting)
      bytes += waiting.command.length
    }
    if (batch.length > 0) this.#submit(batch, bytes, post)
  }

  #submit(waiting: readonly PendingProposal[], bytes: number, post: (input: Input) => void): void {
    const batch = new OpenBatch(waiting)
    for (const one of waiting) one.batch = batch
    const proposal = ++this.#lastNumber
    this.#submitted.set(proposal, batch)
    const payload = waiting.map((one) => one.command)
    post({ type: 'propose', proposal, count: payload.length, size: encodedSize(payload.length, bytes), payload })
  }

  accepted(proposal: number, first: LogIndex, term: Term): void {
    const batch = this.#submitted.get(proposal)
    if (batch === undefined) return
    this.#submitted.delete(proposal)
    batch.first = first
    batch.term = term
    this.#accepted.push(batch)
  }

  rejected(proposal: number, error: RaftError): void {
    const batch = this.#submitted.get(proposal)
    if (batch === undefined) return
    this.#submitted.delete(proposal)
    this.#rejectAll(batch, error)
  }

  /**
   * A block is about to be applied: the batch it was made of, if it is one of ours. Batches it stands in the way of were overwritten:
   * those that start before its end, and those of an older term, for terms never fall along a log.
   */
  takeBatch(first: LogIndex, count: number, term: Term): Batch | undefined {
    for (;;) {
      const batch = this.#accepted[this.#head]
      if (batch === undefined || (batch.first >= first + count && batch.term >= term)) return undefined
      this.#removeFirst()
      if (batch.first === first && batch.term === term) return batch
      this.#rejectAll(batch, overwrittenError(batch, term))
    }
  }

  /** The command at this offset of the batch was applied. */
  resolve(batch: Batch, offset: number, result: unknown): void {
    const waiting = (batch as OpenBatch).proposals[offset] as PendingProposal
    if (waiting.isSettled) return
    const landing: Landing | unknown = waiting.wantsLanding
      ? ({ index: batch.first + offset, term: batch.term, result } satisfies Landing)
      : result
    this.#settle(waiting)
    waiting.resolve(landing as never)
  }

  /** The block of a batch that was taken will not be applied to its end. */
  abandon(batch: Batch, why: string, cause?: unknown): void {
    this.#rejectAll(batch as OpenBatch, outcomeUnknownError('proposal', why, cause))
  }

  /** A snapshot has replaced the log up to here: what became of the commands in it can no longer be seen. */
  onSnapshotInstalled(index: LogIndex): void {
    for (;;) {
      const batch = this.#accepted[this.#head]
      if (batch === undefined || batch.first > index) return
      this.#removeFirst()
      this.#rejectAll(
        batch,
        outcomeUnknownError('proposal', 'a snapshot of the leader has replaced the log where it stood'),
      )
    }
  }

  /** Ends those whose time has come; returns when the next one's will. */
  sweep(now: Instant): Instant {
    let next = Number.POSITIVE_INFINITY
    const check = (waiting: PendingProposal): void => {
      if (waiting.isSettled) return
      if (waiting.deadline <= now) this.#giveUp(waiting, 'its time was up', 'ERR_RAFT_TIMEOUT')
      else if (waiting.deadline < next) next = waiting.deadline
    }
    for (const waiting of this.#queue) check(waiting)
    const accepted = this.#acceptedBatches()
    for (const batch of accepted) for (const waiting of batch.proposals) check(waiting)
    this.#accepted = accepted.filter((batch) => batch.pendingCount > 0)
    this.#head = 0
    return next
  }

  /** The node ends: nobody is left waiting. What the core has not heard of is surely not applied. */
  close(why: string, cause?: unknown): void {
    const queue = this.#queue
    this.#queue = []
    for (const waiting of queue) this.#giveUp(waiting, why, 'ERR_RAFT_CLOSED', cause)
    const batches = [...this.#submitted.values(), ...this.#acceptedBatches()]
    this.#submitted.clear()
    this.#accepted = []
    this.#head = 0
    for (const batch of batches)
      for (const waiting of batch.proposals) this.#giveUp(waiting, why, 'ERR_RAFT_CLOSED', cause)
  }

  #giveUp(
    waiting: PendingProposal,
    why: string,
    code: 'ERR_RAFT_TIMEOUT' | 'ERR_RAFT_ABORTED' | 'ERR_RAFT_CLOSED',
    cause?: unknown,
  ): void {
    if (waiting.isSettled) return
    this.#settle(waiting)
    const isStarted = waiting.batch !== undefined
    waiting.reject(
      isStarted ? outcomeUnknownError('proposal', why, cause) : notStartedError('proposal', why, code, cause),
    )
  }

  #rejectAll(batch: OpenBatch, error: RaftError): void {
    for (const waiting of batch.proposals) {
      if (waiting.isSettled) continue
      this.#settle(waiting)
      waiting.reject(error)
    }
  }

  #settle(waiting: PendingProposal): void {
    waiting.isSettled = true
    waiting.unlisten?.()
    if (waiting.batch !== undefined) waiting.batch.pendingCount--
    this.#count--
    this.#bytes -= waiting.command.length
  }

  #acceptedBatches(): OpenBatch[] {
    return this.#accepted.slice(this.#head) as OpenBatch[]
  }

  #removeFirst(): void {
    this.#accepted[this.#head++] = undefined
    if (this.#head < 64 || this.#head * 2 < this.#accepted.length) return
    this.#accepted = this.#accepted.slice(this.#head)
    this.#head = 0
  }
}

function overwrittenError(batch: Batch, term: Term): RaftError {
  return new RaftFailure(
    'ERR_RAFT_ENTRY_OVERWRITTEN',
    `the proposal of term ${batch.term} was overwritten: a leader of term ${term} had another entry in its place`,
    { hint: 'it was surely not applied: propose it again' },
  )
}

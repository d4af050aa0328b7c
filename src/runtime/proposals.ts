/** Commands on their way: from the caller's promise to the block they are part of, and back when their fate is known. */
import { encodedSize } from '../contracts/block.ts'
import type { Input } from '../core/inputs.ts'
import type { Instant, LogIndex, Term } from '../core/types.ts'
import type { RaftError } from '../errors.ts'
import { RaftError as RaftFailure } from '../errors.ts'
import { onAbort } from './abort-ear.ts'
import { notBegun, outcomeUnknown, overloaded } from './refusals.ts'

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
class Waiting implements Proposal {
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
  readonly waiting: readonly Waiting[]
  first: LogIndex = 0
  term: Term = 0
  /** How many still wait. */
  open: number

  constructor(waiting: readonly Waiting[]) {
    this.waiting = waiting
    this.open = waiting.length
  }
}

export class Proposals {
  readonly #limits: ProposalLimits
  /** Not yet given to the core. */
  #queue: Waiting[] = []
  /** Given to the core, not yet answered: only within one turn. */
  readonly #asked = new Map<number, OpenBatch>()
  /** In the log at a known place; rising by index and term. Those before `#head` are done with. */
  #accepted: (OpenBatch | undefined)[] = []
  #head = 0
  #number = 0
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
  overload(bytes: number): RaftError | undefined {
    const { pendingProposalsMax, pendingProposalBytesMax } = this.#limits
    const refused = 'the proposal was refused'
    if (this.#count >= pendingProposalsMax)
      return overloaded(refused, 'pendingProposalsMax', this.#count + 1, pendingProposalsMax)
    if (this.#bytes + bytes > pendingProposalBytesMax)
      return overloaded(refused, 'pendingProposalBytesMax', this.#bytes + bytes, pendingProposalBytesMax)
    return undefined
  }

  add(proposal: Proposal): void {
    const waiting = new Waiting(proposal)
    this.#queue.push(waiting)
    this.#count++
    this.#bytes += waiting.command.length
    const { signal } = proposal
    if (signal === undefined) return
    const aborted = (): void => this.#giveUp(waiting, 'the caller gave up waiting', 'ERR_RAFT_ABORTED', signal.reason)
    waiting.unlisten = onAbort(signal, aborted)
  }

  /** All that has gathered since the last turn goes to the core: one block, or as few as the limits allow. */
  gather(post: (input: Input) => void): void {
    if (this.#queue.length === 0) return
    const queue = this.#queue
    this.#queue = []
    let batch: Waiting[] = []
    let bytes = 0
    for (const waiting of queue) {
      if (waiting.isSettled) continue
      const isFull =
        batch.length >= this.#limits.blockEntriesMax || bytes + waiting.command.length > this.#limits.blockBytesMax
      if (isFull && batch.length > 0) {
        this.#ask(batch, bytes, post)
        batch = []
        bytes = 0
      }
      batch.push(waiting)
      bytes += waiting.command.length
    }
    if (batch.length > 0) this.#ask(batch, bytes, post)
  }

  #ask(waiting: readonly Waiting[], bytes: number, post: (input: Input) => void): void {
    const batch = new OpenBatch(waiting)
    for (const one of waiting) one.batch = batch
    const proposal = ++this.#number
    this.#asked.set(proposal, batch)
    const payload = waiting.map((one) => one.command)
    post({ type: 'propose', proposal, count: payload.length, size: encodedSize(payload.length, bytes), payload })
  }

  accepted(proposal: number, first: LogIndex, term: Term): void {
    const batch = this.#asked.get(proposal)
    if (batch === undefined) return
    this.#asked.delete(proposal)
    batch.first = first
    batch.term = term
    this.#accepted.push(batch)
  }

  rejected(proposal: number, error: RaftError): void {
    const batch = this.#asked.get(proposal)
    if (batch === undefined) return
    this.#asked.delete(proposal)
    this.#rejectAll(batch, error)
  }

  /**
   * A block is about to be applied: the batch it was made of, if it is one of ours. Batches it stands in the way of were overwritten:
   * those that start before its end, and those of an older term, for terms never fall along a log.
   */
  take(first: LogIndex, count: number, term: Term): Batch | undefined {
    for (;;) {
      const batch = this.#accepted[this.#head]
      if (batch === undefined || (batch.first >= first + count && batch.term >= term)) return undefined
      this.#drop()
      if (batch.first === first && batch.term === term) return batch
      this.#rejectAll(batch, overwritten(batch, term))
    }
  }

  /** The command at this offset of the batch was applied. */
  resolve(batch: Batch, offset: number, result: unknown): void {
    const waiting = (batch as OpenBatch).waiting[offset] as Waiting
    if (waiting.isSettled) return
    const landing: Landing | unknown = waiting.wantsLanding
      ? ({ index: batch.first + offset, term: batch.term, result } satisfies Landing)
      : result
    this.#settle(waiting)
    waiting.resolve(landing as never)
  }

  /** The block of a batch that was taken will not be applied to its end. */
  abandon(batch: Batch, why: string, cause?: unknown): void {
    this.#rejectAll(batch as OpenBatch, outcomeUnknown('proposal', why, cause))
  }

  /** A snapshot has replaced the log up to here: what became of the commands in it can no longer be seen. */
  installed(index: LogIndex): void {
    for (;;) {
      const batch = this.#accepted[this.#head]
      if (batch === undefined || batch.first > index) return
      this.#drop()
      this.#rejectAll(batch, outcomeUnknown('proposal', 'a snapshot of the leader has replaced the log where it stood'))
    }
  }

  /** Ends those whose time has come; returns when the next one's will. */
  sweep(now: Instant): Instant {
    let next = Number.POSITIVE_INFINITY
    const look = (waiting: Waiting): void => {
      if (waiting.isSettled) return
      if (waiting.deadline <= now) this.#giveUp(waiting, 'its time was up', 'ERR_RAFT_TIMEOUT')
      else if (waiting.deadline < next) next = waiting.deadline
    }
    for (const waiting of this.#queue) look(waiting)
    const accepted = this.#underWay()
    for (const batch of accepted) for (const waiting of batch.waiting) look(waiting)
    this.#accepted = accepted.filter((batch) => batch.open > 0)
    this.#head = 0
    return next
  }

  /** The node ends: nobody is left waiting. What the core has not heard of is surely not applied. */
  close(why: string, cause?: unknown): void {
    const queue = this.#queue
    this.#queue = []
    for (const waiting of queue) this.#giveUp(waiting, why, 'ERR_RAFT_CLOSED', cause)
    const batches = [...this.#asked.values(), ...this.#underWay()]
    this.#asked.clear()
    this.#accepted = []
    this.#head = 0
    for (const batch of batches)
      for (const waiting of batch.waiting) this.#giveUp(waiting, why, 'ERR_RAFT_CLOSED', cause)
  }

  #giveUp(
    waiting: Waiting,
    why: string,
    code: 'ERR_RAFT_TIMEOUT' | 'ERR_RAFT_ABORTED' | 'ERR_RAFT_CLOSED',
    cause?: unknown,
  ): void {
    if (waiting.isSettled) return
    this.#settle(waiting)
    const isBegun = waiting.batch !== undefined
    waiting.reject(isBegun ? outcomeUnknown('proposal', why, cause) : notBegun('proposal', why, code, cause))
  }

  #rejectAll(batch: OpenBatch, error: RaftError): void {
    for (const waiting of batch.waiting) {
      if (waiting.isSettled) continue
      this.#settle(waiting)
      waiting.reject(error)
    }
  }

  #settle(waiting: Waiting): void {
    waiting.isSettled = true
    waiting.unlisten?.()
    if (waiting.batch !== undefined) waiting.batch.open--
    this.#count--
    this.#bytes -= waiting.command.length
  }

  #underWay(): OpenBatch[] {
    return this.#accepted.slice(this.#head) as OpenBatch[]
  }

  #drop(): void {
    this.#accepted[this.#head++] = undefined
    if (this.#head < 64 || this.#head * 2 < this.#accepted.length) return
    this.#accepted = this.#accepted.slice(this.#head)
    this.#head = 0
  }
}

function overwritten(batch: Batch, term: Term): RaftError {
  return new RaftFailure(
    'ERR_RAFT_ENTRY_OVERWRITTEN',
    `the proposal of term ${batch.term} was overwritten: a leader of term ${term} had another entry in its place`,
    { hint: 'it was surely not applied: propose it again' },
  )
}

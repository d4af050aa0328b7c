/** A proposal that is pending, and the proposals that share a block. */

import type { BlockBody } from '../../contracts/encoded-block.ts'
import type { Instant, LogIndex, Term } from '../../core/types.ts'
import type { RaftError } from '../../errors.ts'
import { encodeBody } from '../../log-format/block.ts'
import { type Caller, PendingCall } from '../../platform/pending-call.ts'

/** Called once a command is applied on this node, with the place of its entry in the log. */
export type OnApplied<Result> = (result: Result, index: LogIndex, term: Term) => void

export interface Proposal<Result> extends Caller {
  readonly command: Uint8Array
  /** When the caller proposed it. */
  readonly startedAt: Instant
  /** Whether `command` is in an envelope, which concerns a session. */
  readonly isEnveloped: boolean
  /** The command may be appended in this term only. */
  readonly expectTerm: Term | undefined
  /** Whether to try again until the deadline while there is no leader. If false, the proposal fails at once. */
  readonly retryWithoutLeader: boolean
  /** Whether a follower forwards it to the leader. */
  readonly forward: boolean
  readonly resolve: OnApplied<Result>
}

export class PendingProposal<Result> extends PendingCall {
  readonly command: Uint8Array
  readonly startedAt: Instant
  readonly isEnveloped: boolean
  readonly expectTerm: Term | undefined
  readonly retryWithoutLeader: boolean
  readonly forward: boolean
  readonly resolve: OnApplied<Result>
  batch: Batch<Result> | undefined = undefined
  /** An earlier attempt was forwarded, and its outcome is unknown: no later error may say that the command is not applied. */
  mayBeApplied = false
  /** Why it was not appended the last time. */
  lastError: RaftError | undefined = undefined

  constructor(proposal: Proposal<Result>) {
    super(proposal)
    this.command = proposal.command
    this.startedAt = proposal.startedAt
    this.isEnveloped = proposal.isEnveloped
    this.expectTerm = proposal.expectTerm
    this.retryWithoutLeader = proposal.retryWithoutLeader
    this.forward = proposal.forward
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
  /** When it was passed to the core, and when it was committed, if the node measures that. */
  submittedAt: Instant | undefined = undefined
  committedAt: Instant | undefined = undefined

  constructor(proposals: readonly PendingProposal<Result>[]) {
    this.proposals = proposals
    this.pendingCount = proposals.length
  }
}

/** The commands of one block, as they are passed to the core. */
export function bodyOf(proposals: readonly Pick<PendingProposal<never>, 'command' | 'isEnveloped'>[]): BlockBody {
  return encodeBody(
    proposals.map(({ command }) => command),
    envelopedOffsets(proposals),
  )
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

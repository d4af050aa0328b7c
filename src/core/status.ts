/** What a node says of itself when asked. */
import type { LogIndex, Membership, NodeId, Term } from './types.ts'

export type Role = 'follower' | 'pre-candidate' | 'candidate' | 'leader'

/** A leader's view of one follower. */
export interface PeerStatus {
  readonly id: NodeId
  readonly state: 'probe' | 'replicate' | 'snapshot'
  readonly matchIndex: LogIndex
  readonly nextIndex: LogIndex
  readonly inflightMessages: number
  readonly inflightBytes: number
  /** Milliseconds since it was last heard, or undefined if never in this term. */
  readonly silentMs: number | undefined
}

export interface RaftStatus {
  readonly id: NodeId
  readonly role: Role
  readonly term: Term
  readonly leader: NodeId | undefined
  readonly votedFor: NodeId | undefined
  readonly firstIndex: LogIndex
  readonly lastIndex: LogIndex
  readonly lastTerm: Term
  readonly persistedIndex: LogIndex
  readonly commitIndex: LogIndex
  readonly appliedIndex: LogIndex
  readonly snapshotIndex: LogIndex
  readonly logBytes: number
  readonly membership: Membership
  readonly membershipIndex: LogIndex
  readonly isMembershipCommitted: boolean
  readonly isTransferring: boolean
  /** A committed membership does not name this node any more. */
  readonly isRemoved: boolean
  /** Set once the disk has failed: this node speaks no more. */
  readonly stopped: string | undefined
  /** Of a leader: its followers. */
  readonly peers: readonly PeerStatus[]
}

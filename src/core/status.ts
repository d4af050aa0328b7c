/** The status of a node, as `Raft.status` returns it. */
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
  /** How many committed entries it has not applied, as of its last response. */
  readonly applyLag: number
  /** Milliseconds since its last response; undefined if it has not responded in this term. */
  readonly silentMs: number | undefined
  /** The longest recent time from a heartbeat to its response, in milliseconds: the network, both event loops, and the disk of the follower. 0 without a response; a silence of an election timeout is none. */
  readonly responseMs: number
  /** It stores what this leader appends: it has accepted a message within an election timeout, and needs no snapshot. */
  readonly isReplicating: boolean
  /** It has lost entries that it acknowledged: it counts towards no quorum until it is removed. */
  readonly hasLostEntries: boolean
}

export interface RaftStatus {
  readonly id: NodeId
  readonly role: Role
  readonly term: Term
  /** The leader of `term`, if known. */
  readonly leader: NodeId | undefined
  /** The node this one voted for in `term`. */
  readonly votedFor: NodeId | undefined
  /** The first index still in the log; earlier entries are compacted. `lastIndex + 1` if the log is empty. */
  readonly firstIndex: LogIndex
  readonly lastIndex: LogIndex
  readonly lastTerm: Term
  /** Entries up to this index are durable on this node. */
  readonly persistedIndex: LogIndex
  readonly commitIndex: LogIndex
  /** The last `applied` input; the paper's lastApplied. */
  readonly appliedIndex: LogIndex
  /** The index of the newest snapshot; 0 without one. */
  readonly snapshotIndex: LogIndex
  /** Encoded bytes of all blocks in the log. */
  readonly logBytes: number
  /** The membership in force: the last one in the log, committed or not (§6). */
  readonly membership: Membership
  /** The index of the entry that holds `membership`. */
  readonly membershipIndex: LogIndex
  readonly isMembershipCommitted: boolean
  /** Whether this leader is transferring leadership; it rejects proposals meanwhile. */
  readonly isTransferring: boolean
  /** A committed membership no longer contains this node. */
  readonly isRemoved: boolean
  /** Why this node stopped for good: its disk failed, or a leader contradicted a committed entry. Undefined while it runs. */
  readonly stopped: string | undefined
  /** The leader's view of its followers; empty on other roles. */
  readonly peers: readonly PeerStatus[]
}

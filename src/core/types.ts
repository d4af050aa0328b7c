/** The basic types of the core: node ids, terms, indexes, memberships, and the blocks a log is made of. */

/** The name of a node, chosen by its operator ('n1'). */
export type NodeId = string

/** A numbered period with at most one leader; the first is 1, 0 means none. Always a safe integer. */
export type Term = number

/** A position in the log; the first entry has index 1, 0 means "before the log". Always a safe integer. */
export type LogIndex = number

/** Monotonic milliseconds. Passed in with every step; the core reads no clock. */
export type Instant = number

/** Identifies one entry of the log. */
export interface EntryId {
  readonly term: Term
  readonly index: LogIndex
}

/** What a block contains: application commands, one no-op, or one membership. */
export type BlockKind = 'commands' | 'noop' | 'membership'

/** One opening of a data directory: a number that grows with each, and a random id. */
export interface Boot {
  readonly number: number
  readonly id: string
}

/** Texts by name, with sorted names: at most 8, with at most 1,024 characters in all. */
export type MemberMetadata = Readonly<Record<string, string>>

/** A node as recorded in the membership. */
export interface Member {
  readonly id: NodeId
  /** The address the transport connects to ('127.0.0.1:7001'); opaque to the core. */
  readonly address: string
  /** The random id of its data directory; '' until its first contact. A wiped disk gets a new id. */
  readonly directoryId: string
  /** The latest boot of its data directory that a leader has seen; undefined before. */
  readonly boot?: Boot | undefined
  /** Whether its data directory has lost entries that it acknowledged: it counts towards no quorum, and peers reject it. */
  readonly hasLostEntries?: boolean | undefined
  /** What the node says of itself, such as the address of its HTTP service; absent if it says nothing. */
  readonly metadata?: MemberMetadata | undefined
  /** The index of the entry that added it (0: bootstrap). Identifies its membership session: other sessions' responses are ignored. */
  readonly addedAt: LogIndex
  /** Whether the leader promotes this learner to voter automatically once it has caught up. */
  readonly promote: boolean
}

/**
 * The members of the cluster. An immutable value: every change creates a new one, and every membership entry holds a complete one.
 * Invariant: `voters`, `outgoing` and `learners` contain only ids of `members`, sorted and without duplicates;
 * no id is both in `voters` and in `learners`; `outgoing` is empty unless the membership is joint.
 */
export interface Membership {
  readonly members: readonly Member[]
  /** The voters; in a joint membership, the incoming half. */
  readonly voters: readonly NodeId[]
  /** The outgoing half of a joint membership; otherwise empty. */
  readonly outgoing: readonly NodeId[]
  readonly learners: readonly NodeId[]
}

/**
 * Metadata of a block: an immutable run of entries of one term. A block is atomic: it is appended, replicated, persisted,
 * truncated and compacted as a whole, so every index the core computes is the end of a block.
 */
export interface Block {
  readonly first: LogIndex
  readonly term: Term
  /** The number of entries, at least 1. A no-op or a membership is a block of one entry. */
  readonly count: number
  /** The encoded size in bytes, for the byte limits. */
  readonly size: number
  readonly kind: BlockKind
  /** The CRC-32 of the content, as an unsigned integer. The caller sets it for commands; for the other kinds the core computes a checksum itself. */
  readonly checksum?: number | undefined
  /** Set if and only if `kind` is 'membership'. */
  readonly membership?: Membership | undefined
  /** Attached by the caller (encoded bytes, or commands to encode). The core passes it on unread. */
  readonly payload?: unknown
}

/** A block of the log with the hash chain before and after it. */
export interface LinkedBlock extends Pick<Block, 'first' | 'term' | 'count' | 'size'> {
  readonly chainBefore: number
  readonly chain: number
}

/** What must be durable before a node sends messages that depend on it (Figure 2, "Persistent state"). The commit index is a hint. */
export interface HardState {
  readonly term: Term
  readonly votedFor: NodeId | undefined
  readonly commitIndex: LogIndex
}

/** Metadata of a snapshot of the state machine. It replaces the log up to and including `index`. */
export interface SnapshotInfo {
  /** Identifies the snapshot file; unique for every snapshot taken. */
  readonly id: string
  readonly index: LogIndex
  readonly term: Term
  /** The membership in force at `index`. */
  readonly membership: Membership
  /** The hash chain over the log at `index`: equal on all nodes whose logs up to there are equal. */
  readonly chain: number
  /** The size of the file in bytes. */
  readonly size: number
  /** The CRC-32 of all bytes of the file; undefined if it was taken by a version that computed none. */
  readonly checksum?: number | undefined
}

/** What a node tells its leader of a snapshot that it has. The leader knows the membership at that index, so no transport sends one. */
export type SnapshotReport = Omit<SnapshotInfo, 'membership'>

/** A half-open range of the log: [from, to). */
export interface LogRange {
  readonly from: LogIndex
  readonly to: LogIndex
}

/**
 * What a state machine says of its state after the entry at `index`. Of two machines with equal logs, equal kinds and different values show
 * that the states differ; different kinds show nothing. `kind` and `value` are unsigned 32-bit numbers.
 */
export interface StateDigest {
  readonly index: LogIndex
  readonly kind: number
  readonly value: number
}

/** Too little free disk space: this node should not lead. */
export interface Shortage {
  readonly freeBytes: number
  readonly neededBytes: number
}

/** An object that is being built. */
export type Mutable<T> = { -readonly [Field in keyof T]: T[Field] }

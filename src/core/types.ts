/** The words every other file of the core speaks in: node ids, terms, indexes, and the blocks a log is made of. */

/** The name of one participant, chosen by its operator ('n1'). */
export type NodeId = string

/** A logical era of the cluster with at most one leader; starts at 1, 0 means none. Always a safe integer. */
export type Term = number

/** A position in the log; the first entry has index 1, 0 means "before the log". Always a safe integer. */
export type LogIndex = number

/** Monotonic milliseconds, handed in with every step: the only time the core knows. */
export type Instant = number

/** One slot of the log, named. */
export interface EntryId {
  readonly term: Term
  readonly index: LogIndex
}

/** What the entries of a block are: a run of application commands, one noop, or one membership. */
export type BlockKind = 'commands' | 'noop' | 'membership'

/** One participant as the membership records it. */
export interface Member {
  readonly id: NodeId
  /** Where the transport reaches it ('127.0.0.1:7001'); opaque to the core. */
  readonly address: string
  /** The random id of its data directory, '' until its first contact; a wiped disk has another one. */
  readonly directoryId: string
  /** The index of the entry that added it (0: bootstrap). Names its membership session: old acknowledgements do not count. */
  readonly addedAt: LogIndex
  /** A learner that the leader promotes to voter by itself once it has caught up. */
  readonly promote: boolean
}

/**
 * Who is in. A value: every change makes a new one, and every membership entry holds a whole one.
 * Invariant: `voters` and `outgoing` and `learners` name only ids of `members`, each sorted and without duplicates;
 * no id is both a voter (incoming) and a learner; `outgoing` is empty unless the membership is joint.
 */
export interface Membership {
  readonly members: readonly Member[]
  /** The voters; of a joint membership, its incoming half. */
  readonly voters: readonly NodeId[]
  /** The outgoing half of a joint membership; empty when simple. */
  readonly outgoing: readonly NodeId[]
  readonly learners: readonly NodeId[]
}

/**
 * What the core knows of a block: an immutable run of entries of one term. A block is atomic: it is appended, replicated,
 * persisted, truncated and compacted whole, so every boundary the core computes is a block boundary.
 */
export interface Block {
  readonly first: LogIndex
  readonly term: Term
  /** How many entries; at least 1. A noop or a membership is a block of one. */
  readonly count: number
  /** Encoded bytes, for the byte limits. */
  readonly size: number
  readonly kind: BlockKind
  /** The membership a block of kind 'membership' carries. */
  readonly membership?: Membership | undefined
  /** Hung on by the runtime (the encoded bytes, or the commands still to encode); the core passes it on and never looks. */
  readonly payload?: unknown
}

/** What must be on disk before a node speaks of it (Figure 2, "Persistent state"); the commit index is a hint. */
export interface HardState {
  readonly term: Term
  readonly votedFor: NodeId | undefined
  readonly commitIndex: LogIndex
}

/** A snapshot of the state machine, named: it replaces the log up to and including `index`. */
export interface SnapshotInfo {
  /** Names the file; unique per snapshot taken. */
  readonly id: string
  readonly index: LogIndex
  readonly term: Term
  /** The membership in force at `index`. */
  readonly membership: Membership
  /** Bytes of the file, for progress and limits. */
  readonly size: number
}

/** A half-open range of the log: [from, to). */
export interface LogRange {
  readonly from: LogIndex
  readonly to: LogIndex
}

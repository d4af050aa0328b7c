/** The numbers the core runs by: one table of names, defaults and what each is for. */
import type { NodeId } from './types.ts'

export interface RaftOptions {
  readonly id: NodeId
  /** Seeds the choice of election timeouts; same seed and inputs, same run. */
  readonly seed: number
  /** Election timeouts are drawn from [min, max) (§5.2). */
  readonly electionTimeoutMinMs: number
  readonly electionTimeoutMaxMs: number
  /** A leader without anything to send sends a heartbeat this often. */
  readonly heartbeatIntervalMs: number
  /** Ask before campaigning (thesis §9.6). */
  readonly preVote: boolean
  /** A leader that hears no majority for an election timeout steps down (thesis §6.2). */
  readonly checkQuorum: boolean
  /** Allow reads of mode 'lease': needs preVote or checkQuorum stickiness on every node, and clocks that obey `clockDriftMax`. */
  readonly leaseReads: boolean
  /** The most by which two nodes' clocks may differ in rate: 0.1 = 10 %. */
  readonly clockDriftMax: number
  /** A `timeout` input this much later than asked for means that this node was paused. */
  readonly pauseToleranceMs: number
  /** A leader whose own oldest write is this old steps down. */
  readonly storageStallMs: number
  /** A follower's ReadIndex is given up after this long. */
  readonly readTimeoutMs: number
  /** The most bytes of blocks in one AppendEntries (one block may exceed it alone). */
  readonly messageBytesMax: number
  /** The most AppendEntries in flight to one follower. */
  readonly inflightMessagesMax: number
  /** The most bytes in flight to one follower. */
  readonly inflightBytesMax: number
  /** The most bytes appended but not yet committed; beyond it proposals are rejected as overloaded. */
  readonly uncommittedBytesMax: number
  /** The most entries appended but not yet committed. */
  readonly uncommittedEntriesMax: number
  /** The most reads waiting for a confirmation round. */
  readonly pendingReadsMax: number
  /** Log kept behind a snapshot, so that a follower a little behind needs no snapshot. */
  readonly trailingEntries: number
  readonly trailingBytesMax: number
  /** Log kept beyond the reserve for a live follower that still needs it. */
  readonly laggardBytesMax: number
  /** A learner this close to the leader's end counts as caught up. */
  readonly caughtUpEntries: number
}

/** The defaults, for everything but the node's own id and seed. */
export const RAFT_DEFAULTS: Readonly<Omit<RaftOptions, 'id' | 'seed'>> = {
  electionTimeoutMinMs: 750,
  electionTimeoutMaxMs: 1500,
  heartbeatIntervalMs: 100,
  preVote: true,
  checkQuorum: true,
  leaseReads: false,
  clockDriftMax: 0.1,
  pauseToleranceMs: 250,
  storageStallMs: 5000,
  readTimeoutMs: 2000,
  messageBytesMax: 1024 * 1024,
  inflightMessagesMax: 16,
  inflightBytesMax: 8 * 1024 * 1024,
  uncommittedBytesMax: 64 * 1024 * 1024,
  uncommittedEntriesMax: 100_000,
  pendingReadsMax: 10_000,
  trailingEntries: 10_000,
  trailingBytesMax: 16 * 1024 * 1024,
  laggardBytesMax: 256 * 1024 * 1024,
  caughtUpEntries: 1000,
}

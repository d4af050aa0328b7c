/**
 * `quorate/core`: the Raft algorithm of one node, as a deterministic state machine without I/O. It runs in Node.js and in browsers.
 *
 * Create a `Raft` from `RaftOptions` and an `InitialState`, call `step` with `Input`s, and carry out the returned `Effects`.
 *
 * @module
 */

// The state machine.

export { InvariantError } from './assert.ts'
export { RAFT_DEFAULTS, type RaftOptions } from './options.ts'
export { Raft } from './raft.ts'
export type { InitialState } from './state.ts'
export type { PeerStatus, RaftStatus, Role } from './status.ts'
export { UsageError } from './usage.ts'

// Its inputs and effects.

export type { Effects, Persist, Rejection, Settlement, SnapshotToFetch, UnfitVoter } from './effects.ts'
export type { ChainsAt, RaftEvent, StepDownReason } from './events.ts'
export type { Input, MembershipChange } from './inputs.ts'
export type {
  AppendEntriesRequest,
  AppendEntriesResponse,
  ForwardRejection,
  InstallSnapshotRequest,
  InstallSnapshotResponse,
  Message,
  Outgoing,
  PreVoteRequest,
  PreVoteResponse,
  ProposeRequest,
  ProposeResponse,
  ReadIndexRequest,
  ReadIndexResponse,
  RequestVoteRequest,
  RequestVoteResponse,
  TimeoutNow,
} from './messages.ts'

// Memberships.

export { bootstrapMembership, EMPTY_MEMBERSHIP, isJoint, isMember, isVoter } from './membership/membership.ts'
export type { Member, MemberMetadata, Membership, Shortage } from './types.ts'

// The log and its snapshots.

export type {
  Block,
  HardState,
  Instant,
  LogIndex,
  LogRange,
  NodeId,
  SnapshotInfo,
  SnapshotReport,
  StateDigest,
  Term,
} from './types.ts'

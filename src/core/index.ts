/** The face of `quorate/core`: the pure machine and the words it speaks in. Bundles for a browser. */
export { InvariantError } from './assert.ts'
export type { Effects, Persist, Rejection, Settlement } from './effects.ts'
export type { RaftEvent, StepDownReason } from './events.ts'
export type { Input, MembershipChange } from './inputs.ts'
export {
  bootstrapMembership,
  EMPTY_MEMBERSHIP as NOBODY,
  isJoint,
  isMember,
  isVoter,
  memberOf,
} from './membership/membership.ts'
export type {
  AppendEntriesRequest,
  AppendEntriesResponse,
  InstallSnapshotRequest,
  InstallSnapshotResponse,
  Message,
  Outgoing,
  PreVoteRequest,
  PreVoteResponse,
  ReadIndexRequest,
  ReadIndexResponse,
  RequestVoteRequest,
  RequestVoteResponse,
  TimeoutNow,
} from './messages.ts'
export { RAFT_DEFAULTS, type RaftOptions } from './options.ts'
export { Raft } from './raft.ts'
export type { InitialState as RecoveredLog } from './state.ts'
export type { PeerStatus, RaftStatus, Role } from './status.ts'
export type {
  Block,
  BlockKind,
  EntryId,
  HardState,
  Instant,
  LogIndex,
  LogRange,
  Member,
  Membership,
  NodeId,
  SnapshotInfo,
  Term,
} from './types.ts'

/** The exit codes of commands, for scripts, and of nodes, for process supervisors. Codes from 70 on follow sysexits.h. */
import type { ErrorCode } from '../errors.ts'
import { isRaftError } from '../errors.ts'

export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  unreachable: 3,
  noLeader: 4,
  refused: 5,
  /** The node did not accept this caller, or this caller not the node. */
  notAuthorized: 6,
  unknownOutcome: 7,
  /** A bug in quorate or in the state machine. */
  software: 70,
  /** The disk failed or is full. */
  io: 74,
  /** A restart later may succeed: a port or a directory is in use, or the cluster to join is down. */
  tryAgain: 75,
  /** A restart without a change of options or data cannot succeed. */
  doNotRestart: 78,
  interrupted: 130,
  terminated: 143,
} as const

const COMMAND_EXIT_CODES: Partial<Record<ErrorCode, number>> = {
  ERR_RAFT_OPTIONS: EXIT.usage,
  ERR_RAFT_RUN_FILE: EXIT.usage,
  ERR_RAFT_UNREACHABLE: EXIT.unreachable,
  ERR_RAFT_NO_LEADER: EXIT.noLeader,
  ERR_RAFT_NOT_LEADER: EXIT.noLeader,
  ERR_RAFT_LEADER_NOT_READY: EXIT.noLeader,
  ERR_RAFT_LEADER_TRANSFERRING: EXIT.noLeader,
  ERR_RAFT_READ_FAILED: EXIT.noLeader,
  ERR_RAFT_LAGGING: EXIT.noLeader,
  ERR_RAFT_TIMEOUT: EXIT.noLeader,
  ERR_RAFT_UNAUTHENTICATED: EXIT.notAuthorized,
  ERR_RAFT_UNAUTHORIZED: EXIT.notAuthorized,
  ERR_RAFT_OTHER_TERM: EXIT.refused,
  ERR_RAFT_CHANGE_IN_PROGRESS: EXIT.refused,
  ERR_RAFT_MEMBERSHIP_CHANGED: EXIT.refused,
  ERR_RAFT_LEARNER_NOT_READY: EXIT.refused,
  ERR_RAFT_BAD_CHANGE: EXIT.refused,
  ERR_RAFT_UNSAFE_MEMBERSHIP: EXIT.refused,
  ERR_RAFT_BAD_TARGET: EXIT.refused,
  ERR_RAFT_NOTHING_APPLIED: EXIT.refused,
}

const NODE_EXIT_CODES: Partial<Record<ErrorCode, number>> = {
  // The cluster to join is down.
  ERR_RAFT_UNREACHABLE: EXIT.tryAgain,
  ERR_RAFT_PORT_IN_USE: EXIT.tryAgain,
  ERR_RAFT_DATA_DIR_LOCKED: EXIT.tryAgain,
  // The shortage may be over: other processes and connections hold descriptors too.
  ERR_RAFT_NO_DESCRIPTORS: EXIT.tryAgain,
  ERR_RAFT_STORAGE: EXIT.io,
  ERR_RAFT_NO_SPACE: EXIT.io,
  ERR_RAFT_LISTEN: EXIT.doNotRestart,
  ERR_RAFT_OPTIONS: EXIT.doNotRestart,
  ERR_RAFT_RUNTIME: EXIT.doNotRestart,
  ERR_RAFT_DATA_DIR_ACCESS: EXIT.doNotRestart,
  ERR_RAFT_CLUSTER_MISMATCH: EXIT.doNotRestart,
  ERR_RAFT_CLUSTER_REPLACED: EXIT.doNotRestart,
  ERR_RAFT_NODE_MISMATCH: EXIT.doNotRestart,
  ERR_RAFT_STORAGE_MISMATCH: EXIT.doNotRestart,
  ERR_RAFT_DIRECTORY_MISMATCH: EXIT.doNotRestart,
  ERR_RAFT_DIRECTORY_ROLLED_BACK: EXIT.doNotRestart,
  ERR_RAFT_DUPLICATE_DIRECTORY: EXIT.doNotRestart,
  ERR_RAFT_REMOVED: EXIT.doNotRestart,
  ERR_RAFT_CORRUPT: EXIT.doNotRestart,
  ERR_RAFT_DIVERGED: EXIT.doNotRestart,
  ERR_RAFT_FORMAT: EXIT.doNotRestart,
  ERR_RAFT_MACHINE_TOO_OLD: EXIT.doNotRestart,
  ERR_RAFT_UNAUTHENTICATED: EXIT.doNotRestart,
  ERR_RAFT_UNAUTHORIZED: EXIT.doNotRestart,
}

/** The exit code of a command that calls a cluster. */
export function exitCodeOfCommand(error: unknown): number {
  if (!isRaftError(error)) return EXIT.failure
  const code = COMMAND_EXIT_CODES[error.code]
  if (code !== undefined) return code
  return error.outcome === 'unknown' ? EXIT.unknownOutcome : EXIT.failure
}

/** The exit code of a process whose node could not start or has failed. */
export function exitCodeOfNode(error: unknown): number {
  return (isRaftError(error) ? NODE_EXIT_CODES[error.code] : undefined) ?? EXIT.software
}

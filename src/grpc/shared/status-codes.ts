/** Converts a RaftError to a gRPC status with details, and back. */
import type { ServiceError, StatusObject } from '@grpc/grpc-js'
import { Metadata, status as Status } from '@grpc/grpc-js'
import type { ErrorCode } from '../../errors.ts'
import { isRaftError, RaftError } from '../../errors.ts'
import { tlsError, tlsFailureIn } from '../../peer-link/tls-failure.ts'
import { errorMessage } from '../../platform/error-message.ts'
import type { ErrorFacts } from './error-facts.ts'
import { errorFromFacts, factsOf, wellFormed } from './error-facts.ts'
import { decodeDetails, encodeDetails } from './status-details.ts'

/**
 * The status of each code when the call was definitely not applied. gRPC's guideline: UNAVAILABLE = retry the call, ABORTED =
 * retry the larger operation, FAILED_PRECONDITION = retry only after the state of the system has been fixed.
 */
export const STATUS_OF_CODE: Readonly<Record<ErrorCode, Status>> = {
  ERR_RAFT_NOT_LEADER: Status.UNAVAILABLE,
  ERR_RAFT_NO_LEADER: Status.UNAVAILABLE,
  ERR_RAFT_OTHER_TERM: Status.FAILED_PRECONDITION,
  ERR_RAFT_LEADER_TRANSFERRING: Status.UNAVAILABLE,
  ERR_RAFT_LEADER_NOT_READY: Status.UNAVAILABLE,
  ERR_RAFT_OUTCOME_UNKNOWN: Status.UNKNOWN,
  ERR_RAFT_SESSION_EXPIRED: Status.FAILED_PRECONDITION,
  ERR_RAFT_RESULT_DROPPED: Status.FAILED_PRECONDITION,
  ERR_RAFT_ENTRY_OVERWRITTEN: Status.ABORTED,
  ERR_RAFT_OVERLOADED: Status.RESOURCE_EXHAUSTED,
  ERR_RAFT_TOO_LARGE: Status.INVALID_ARGUMENT,
  ERR_RAFT_TIMEOUT: Status.DEADLINE_EXCEEDED,
  ERR_RAFT_READ_FAILED: Status.UNAVAILABLE,
  ERR_RAFT_LAGGING: Status.UNAVAILABLE,
  ERR_RAFT_UNREACHABLE: Status.UNAVAILABLE,
  ERR_RAFT_CLOSED: Status.UNAVAILABLE,
  ERR_RAFT_ABORTED: Status.CANCELLED,
  ERR_RAFT_LEASE_LOST: Status.FAILED_PRECONDITION,
  ERR_RAFT_UNAUTHENTICATED: Status.UNAUTHENTICATED,
  ERR_RAFT_UNAUTHORIZED: Status.PERMISSION_DENIED,
  ERR_RAFT_CHANGE_IN_PROGRESS: Status.FAILED_PRECONDITION,
  ERR_RAFT_MEMBERSHIP_CHANGED: Status.ABORTED,
  ERR_RAFT_LEARNER_NOT_READY: Status.FAILED_PRECONDITION,
  ERR_RAFT_BAD_CHANGE: Status.INVALID_ARGUMENT,
  ERR_RAFT_UNSAFE_MEMBERSHIP: Status.FAILED_PRECONDITION,
  ERR_RAFT_BAD_TARGET: Status.FAILED_PRECONDITION,
  ERR_RAFT_NOTHING_APPLIED: Status.FAILED_PRECONDITION,
  ERR_RAFT_UNKNOWN_PEER: Status.FAILED_PRECONDITION,
  ERR_RAFT_REMOVED: Status.FAILED_PRECONDITION,
  ERR_RAFT_CLUSTER_MISMATCH: Status.FAILED_PRECONDITION,
  ERR_RAFT_CLUSTER_REPLACED: Status.FAILED_PRECONDITION,
  ERR_RAFT_NODE_MISMATCH: Status.FAILED_PRECONDITION,
  ERR_RAFT_STORAGE_MISMATCH: Status.FAILED_PRECONDITION,
  ERR_RAFT_DIRECTORY_MISMATCH: Status.FAILED_PRECONDITION,
  ERR_RAFT_DIRECTORY_ROLLED_BACK: Status.DATA_LOSS,
  ERR_RAFT_DUPLICATE_DIRECTORY: Status.FAILED_PRECONDITION,
  ERR_RAFT_DUPLICATE_NODE: Status.FAILED_PRECONDITION,
  ERR_RAFT_DATA_DIR_LOCKED: Status.FAILED_PRECONDITION,
  ERR_RAFT_DATA_DIR_ACCESS: Status.FAILED_PRECONDITION,
  ERR_RAFT_CORRUPT: Status.DATA_LOSS,
  ERR_RAFT_DIVERGED: Status.DATA_LOSS,
  ERR_RAFT_FORMAT: Status.FAILED_PRECONDITION,
  ERR_RAFT_COMMAND_TOO_NEW: Status.FAILED_PRECONDITION,
  ERR_RAFT_MACHINE_TOO_OLD: Status.FAILED_PRECONDITION,
  ERR_RAFT_NO_SPACE: Status.RESOURCE_EXHAUSTED,
  ERR_RAFT_NO_DESCRIPTORS: Status.RESOURCE_EXHAUSTED,
  ERR_RAFT_STORAGE: Status.DATA_LOSS,
  ERR_RAFT_COMPACTED: Status.OUT_OF_RANGE,
  ERR_RAFT_SNAPSHOT_GONE: Status.NOT_FOUND,
  ERR_RAFT_BAD_BLOCK: Status.INVALID_ARGUMENT,
  ERR_RAFT_BAD_MESSAGE: Status.INVALID_ARGUMENT,
  ERR_RAFT_PROTOCOL: Status.FAILED_PRECONDITION,
  ERR_RAFT_OPTIONS: Status.INVALID_ARGUMENT,
  ERR_RAFT_RUNTIME: Status.FAILED_PRECONDITION,
  ERR_RAFT_PORT_IN_USE: Status.FAILED_PRECONDITION,
  ERR_RAFT_LISTEN: Status.FAILED_PRECONDITION,
  ERR_RAFT_APPLY: Status.INTERNAL,
  ERR_RAFT_RUN_FILE: Status.INVALID_ARGUMENT,
  ERR_RAFT_USAGE: Status.INTERNAL,
  ERR_RAFT_INTERNAL: Status.INTERNAL,
}

/** The same call would fail again at this address, so the status code must keep a generic gRPC client from retrying it. */
const NO_RETRY_AT_ADDRESS: readonly ErrorCode[] = ['ERR_RAFT_NOT_LEADER', 'ERR_RAFT_CLOSED']

const MESSAGE_CHARS_MAX = 1024

/** The status of a failed call: code, message, the leader in ASCII trailers, and all facts in `grpc-status-details-bin`. */
export function toStatus(reason: unknown): Pick<StatusObject, 'code' | 'details' | 'metadata'> {
  const facts = factsOf(asRaftError(reason))
  const code = statusOf(facts)
  const details = wellFormed(facts.message.slice(0, MESSAGE_CHARS_MAX))
  const metadata = new Metadata()
  if (facts.leader !== undefined) {
    metadata.set('raft-leader-id', toAscii(facts.leader.id))
    if (facts.leader.address !== undefined) metadata.set('raft-leader-address', toAscii(facts.leader.address))
    if (facts.leader.term !== undefined) metadata.set('raft-leader-term', String(facts.leader.term))
  }
  if (NO_RETRY_AT_ADDRESS.includes(facts.code)) metadata.set('grpc-retry-pushback-ms', '-1')
  metadata.set('grpc-status-details-bin', encodeDetails(code, details, facts))
  return { code, details, metadata }
}

/**
 * The RaftError of a failed call. A status without our details comes from gRPC or the network; `fallback` is then the outcome:
 * 'not-applied' for a read, 'unknown' for a mutation that may have reached the node.
 */
export function fromStatus(error: ServiceError, address: string, fallback: 'not-applied' | 'unknown'): RaftError {
  const bytes = error.metadata?.get('grpc-status-details-bin')[0]
  const facts = bytes instanceof Uint8Array ? decodeDetails(bytes) : undefined
  if (facts !== undefined) return errorFromFacts({ ...facts, message: facts.message || error.details })
  const untrusted = error.code === Status.UNAVAILABLE ? tlsFailureIn(error.details) : undefined
  if (untrusted !== undefined) return tlsError(address, untrusted)
  const code = codeOfNetworkStatus(error.code)
  const message =
    code === 'ERR_RAFT_UNREACHABLE'
      ? `${address} cannot be reached: ${lastErrorIn(error.details)}`
      : `${address} failed with gRPC status ${Status[error.code] ?? error.code}: ${error.details}`
  if (fallback === 'not-applied') return new RaftError(code, message, { outcome: 'not-applied', cause: error })
  return new RaftError('ERR_RAFT_OUTCOME_UNKNOWN', `${message}; the call may or may not have taken effect`, {
    hint: 'check the status before you retry',
    cause: error,
  })
}

/** What grpc-js says of a connection that ends before the first frame of HTTP/2. */
const CLOSED_AT_ONCE = /^Failed to connect \(\S+\)$/

/** The last error in grpc-js's "No connection established. Last error: Error: … . Resolution note: …". */
function lastErrorIn(details: string): string {
  const last = /Last error: (?:Error: )?(.*?)\.? Resolution note:/.exec(details)?.[1] ?? details
  return CLOSED_AT_ONCE.test(last)
    ? 'it closes the connection without an answer of gRPC; it may be another port, such as that of --http'
    : last
}

/** Returns a RaftError unchanged. Any other error is a bug, here or in the state machine: it becomes ERR_RAFT_INTERNAL. */
export function asRaftError(reason: unknown): RaftError {
  if (isRaftError(reason)) return reason
  return new RaftError('ERR_RAFT_INTERNAL', `unexpected error: ${errorMessage(reason)}`, { cause: reason })
}

/** Unless the call was definitely not applied, the status must be one that gRPC clients never retry automatically. */
function statusOf({ code, outcome }: ErrorFacts): Status {
  const status: Status = STATUS_OF_CODE[code]
  if (outcome === 'not-applied') return status === Status.UNKNOWN ? Status.FAILED_PRECONDITION : status
  return status === Status.DATA_LOSS ? status : Status.UNKNOWN
}

/** These statuses mean that the two ends are incompatible or refuse each other: a retry does not help. */
const INCOMPATIBLE_STATUSES: readonly Status[] = [
  Status.UNIMPLEMENTED,
  Status.INVALID_ARGUMENT,
  Status.RESOURCE_EXHAUSTED,
]

function codeOfNetworkStatus(code: Status): ErrorCode {
  if (code === Status.DEADLINE_EXCEEDED) return 'ERR_RAFT_TIMEOUT'
  if (code === Status.UNAUTHENTICATED) return 'ERR_RAFT_UNAUTHENTICATED'
  if (code === Status.PERMISSION_DENIED) return 'ERR_RAFT_UNAUTHORIZED'
  return INCOMPATIBLE_STATUSES.includes(code) ? 'ERR_RAFT_PROTOCOL' : 'ERR_RAFT_UNREACHABLE'
}

/** Percent-encodes everything but ASCII for a trailer, as gRPC does with the status message. */
function toAscii(text: string): string {
  return encodeURI(wellFormed(text))
}

/** The only place that decides how a client reacts to an error: retry at the same node, retry at another, or fail. */
import type { ErrorCode, RaftError } from '../errors.ts'

/**
 * A mutation is retried only if it was definitely not applied; a repeatable one, in a session or idempotent, also if its fate is unknown; a
 * read always. A local read does not show which node leads.
 */
export type CallKind = 'mutation' | 'repeatable' | 'read' | 'local-read'

/** The node has failed, not the call: another node may serve it. */
const NODE_FAILED: readonly ErrorCode[] = [
  'ERR_RAFT_UNREACHABLE',
  'ERR_RAFT_CLOSED',
  'ERR_RAFT_REMOVED',
  'ERR_RAFT_STORAGE',
  'ERR_RAFT_CORRUPT',
  'ERR_RAFT_DIVERGED',
  'ERR_RAFT_APPLY',
  'ERR_RAFT_PROTOCOL',
]

/** The right node responded but needs time: retry there after a pause. */
const NODE_BUSY: readonly ErrorCode[] = [
  'ERR_RAFT_OVERLOADED',
  'ERR_RAFT_LEADER_NOT_READY',
  'ERR_RAFT_CHANGE_IN_PROGRESS',
  'ERR_RAFT_ENTRY_OVERWRITTEN',
]

/** These errors may go away, but not soon: the caller decides whether to wait. */
const NO_AUTOMATIC_RETRY: readonly ErrorCode[] = ['ERR_RAFT_LEARNER_NOT_READY', 'ERR_RAFT_COMMAND_TOO_NEW']

export function mayRetry(kind: CallKind, { code, outcome, retryable }: RaftError): boolean {
  if (NO_AUTOMATIC_RETRY.includes(code)) return false
  const mayRecover = retryable || NODE_FAILED.includes(code)
  if (kind === 'repeatable' && outcome === 'unknown') return mayRecover || code === 'ERR_RAFT_OUTCOME_UNKNOWN'
  if (kind === 'read' || kind === 'local-read') return mayRecover || code === 'ERR_RAFT_OUTCOME_UNKNOWN'
  return outcome === 'not-applied' && mayRecover
}

export function isBusy({ code }: RaftError): boolean {
  return NODE_BUSY.includes(code)
}

/** Errors that also arise in the client itself, without an answer from the node. */
const MAY_BE_LOCAL: readonly ErrorCode[] = [
  'ERR_RAFT_OUTCOME_UNKNOWN',
  'ERR_RAFT_TIMEOUT',
  'ERR_RAFT_UNREACHABLE',
  'ERR_RAFT_READ_FAILED',
  'ERR_RAFT_ABORTED',
  'ERR_RAFT_CLOSED',
  'ERR_RAFT_OVERLOADED',
  'ERR_RAFT_TOO_LARGE',
  'ERR_RAFT_PROTOCOL',
  'ERR_RAFT_OPTIONS',
  'ERR_RAFT_UNAUTHENTICATED',
  'ERR_RAFT_INTERNAL',
]

/** Whether the error is certainly an answer of the node. */
export function isAnswer({ code }: RaftError): boolean {
  return !MAY_BE_LOCAL.includes(code)
}

/** Whether the node did not respond, so that the next call starts at another one. */
export function isUnresponsive({ code }: RaftError): boolean {
  return NODE_FAILED.includes(code) || code === 'ERR_RAFT_OUTCOME_UNKNOWN' || code === 'ERR_RAFT_TIMEOUT'
}

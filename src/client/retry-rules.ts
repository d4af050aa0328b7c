/** What a client may do about an error: try the same again, try elsewhere, or tell the caller. The only place that decides it. */
import type { ErrorCode, RaftError } from '../errors.ts'

/** A mutation is repeated only if it was surely not applied; a read always may be; a local read tells nothing of who leads. */
export type CallKind = 'mutation' | 'read' | 'local-read'

/** Something is wrong with that node, not with the call: another may serve it. */
const NODE_FAILED: readonly ErrorCode[] = [
  'ERR_RAFT_UNREACHABLE',
  'ERR_RAFT_CLOSED',
  'ERR_RAFT_REMOVED',
  'ERR_RAFT_STORAGE',
  'ERR_RAFT_CORRUPT',
  'ERR_RAFT_APPLY',
  'ERR_RAFT_PROTOCOL',
]

/** The right node was asked; it needs a moment. */
const NODE_BUSY: readonly ErrorCode[] = [
  'ERR_RAFT_OVERLOADED',
  'ERR_RAFT_LEADER_NOT_READY',
  'ERR_RAFT_CHANGE_IN_PROGRESS',
  'ERR_RAFT_ENTRY_OVERWRITTEN',
]

/** Waiting may cure it, but not soon: whoever asked decides whether to wait. */
const NO_AUTOMATIC_RETRY: readonly ErrorCode[] = ['ERR_RAFT_LEARNER_NOT_READY']

export function mayRetry(kind: CallKind, { code, outcome, retryable }: RaftError): boolean {
  if (NO_AUTOMATIC_RETRY.includes(code)) return false
  const mayRecover = retryable || NODE_FAILED.includes(code)
  if (kind !== 'mutation') return mayRecover || code === 'ERR_RAFT_OUTCOME_UNKNOWN'
  return outcome === 'not-applied' && mayRecover
}

export function isBusy({ code }: RaftError): boolean {
  return NODE_BUSY.includes(code)
}

/** Nothing was heard from there: it is not the place to begin the next call. */
export function isUnresponsive({ code }: RaftError): boolean {
  return NODE_FAILED.includes(code) || code === 'ERR_RAFT_OUTCOME_UNKNOWN' || code === 'ERR_RAFT_TIMEOUT'
}

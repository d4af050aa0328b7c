/** The errors of a client channel for requests without a response; `outcome` is what the caller can conclude. */
import { RaftError } from '../../errors.ts'

/** The error of a request that was sent and whose response was lost with the connection. */
export function connectionLostError(kind: 'propose' | 'query', reason: RaftError): RaftError {
  const what = `the connection was lost before the response: ${reason.message}`
  if (kind === 'propose') return outcomeUnknownError(what, reason)
  return new RaftError('ERR_RAFT_READ_FAILED', what, { cause: reason })
}

export function outcomeUnknownError(what: string, cause?: unknown): RaftError {
  return new RaftError('ERR_RAFT_OUTCOME_UNKNOWN', `${what}; the command may or may not have been applied`, {
    hint: 'read the state before you retry, or make the command idempotent',
    cause,
  })
}

export function unreachableError(address: string, why: string): RaftError {
  return new RaftError('ERR_RAFT_UNREACHABLE', `${address} cannot be reached: ${why}`, { details: { address } })
}

export function abortedError(signal: AbortSignal | undefined): RaftError {
  return new RaftError('ERR_RAFT_ABORTED', 'aborted by the caller', { cause: signal?.reason })
}

export function closedError(): RaftError {
  return new RaftError('ERR_RAFT_CLOSED', 'the client was closed')
}

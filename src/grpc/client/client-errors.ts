/** What the client's end of the network says when an answer will not come; each is honest about what may have happened. */
import { RaftError } from '../../errors.ts'

/** A request that left, and whose answer will never come. */
export function connectionLostError(kind: 'propose' | 'query', reason: RaftError): RaftError {
  const what = `the connection broke before the answer: ${reason.message}`
  if (kind === 'propose') return outcomeUnknownError(what, reason)
  return new RaftError('ERR_RAFT_READ_FAILED', what, { cause: reason })
}

export function outcomeUnknownError(what: string, cause?: unknown): RaftError {
  return new RaftError('ERR_RAFT_OUTCOME_UNKNOWN', `${what}; the command may or may not have been applied`, {
    hint: 'read back before trying again, or make the command harmless when applied twice',
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

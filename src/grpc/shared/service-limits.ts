/** The limits of the client and admin services: sizes, numbers and timeouts. */
import { RaftError } from '../../errors.ts'

/** Limits of the client and admin services; sizes in bytes, times in milliseconds. */
export interface ServiceLimits {
  /** The largest encoded command or query; a larger one is rejected with ERR_RAFT_TOO_LARGE. */
  readonly commandBytesMax: number
  /** The largest encoded result or answer; the caller receives ERR_RAFT_TOO_LARGE instead of a larger one. */
  readonly answerBytesMax: number
  /** The most requests of one stream whose responses are not sent yet; further ones are rejected with ERR_RAFT_OVERLOADED. */
  readonly streamRequestsMax: number
  /** The most bytes of these requests and their responses. Beyond twice this, ERR_RAFT_OVERLOADED is sent instead of responses. */
  readonly streamBytesMax: number
  /** The most open streams; further ones are rejected with ERR_RAFT_OVERLOADED. */
  readonly streamsMax: number
  /** The timeout of a call without a deadline. */
  readonly timeoutMs: number
  /** The longest timeout of a call; a longer one is shortened to it. */
  readonly timeoutMsMax: number
  /** The timeout of taking a snapshot without a deadline. */
  readonly snapshotTimeoutMs: number
  /** The longest timeout of taking a snapshot; a longer one is shortened to it. */
  readonly snapshotTimeoutMsMax: number
}

/** The defaults of ServiceLimits. */
export const SERVICE_LIMITS: ServiceLimits = {
  commandBytesMax: 1024 * 1024,
  answerBytesMax: 16 * 1024 * 1024,
  streamRequestsMax: 8192,
  streamBytesMax: 16 * 1024 * 1024,
  streamsMax: 1024,
  timeoutMs: 5000,
  timeoutMsMax: 30_000,
  snapshotTimeoutMs: 60_000,
  snapshotTimeoutMsMax: 600_000,
}

/** The timeout of a call: the requested one, from 0 to the maximum, or the default if there is none. */
export function clampTimeout(requestedMs: number | undefined, defaultMs: number, maxMs: number): number {
  if (requestedMs === undefined || Number.isNaN(requestedMs)) return defaultMs
  return Math.min(Math.max(0, requestedMs), maxMs)
}

/** Throws ERR_RAFT_TOO_LARGE, with the size and the limit in its details. */
export function assertPayloadSize(
  what: 'command' | 'query',
  size: number,
  limits: Pick<ServiceLimits, 'commandBytesMax'>,
): void {
  if (size <= limits.commandBytesMax) return
  throw new RaftError('ERR_RAFT_TOO_LARGE', `the ${what} is ${size} bytes, the limit is ${limits.commandBytesMax}`, {
    hint: 'split it, or raise commandBytesMax on every node',
    details: { size, limit: limits.commandBytesMax },
  })
}

/** The error that replaces a response that is too large to send. A command has been applied nevertheless. */
export function answerTooLargeError(what: 'command' | 'query', size: number, limit: number): RaftError {
  const isCommand = what === 'command'
  const text = isCommand
    ? `the command was applied, but its result has ${size} bytes, the limit is ${limit}`
    : `the answer has ${size} bytes, the limit is ${limit}`
  return new RaftError('ERR_RAFT_TOO_LARGE', text, {
    outcome: isCommand ? 'applied' : 'not-applied',
    hint: 'request less data at a time',
    details: { size, limit },
  })
}

export function shuttingDownError(): RaftError {
  return new RaftError('ERR_RAFT_CLOSED', 'this node is shutting down', { hint: 'retry at another node' })
}

/** The error of a reader whose next change is too large to send. */
export function changeTooLargeError(index: number, size: number, limit: number): RaftError {
  return new RaftError('ERR_RAFT_TOO_LARGE', `the change at index ${index} has ${size} bytes, the limit is ${limit}`, {
    hint: 'read what it changed from the state, and continue from the next index',
    details: { index, size, limit },
  })
}

/** The error that replaces a response because too many earlier responses are still unread. */
export function answerDroppedError(what: 'command' | 'query', size: number): RaftError {
  const isCommand = what === 'command'
  const text = isCommand ? 'the command was applied, but its result was dropped' : 'the answer was dropped'
  return new RaftError('ERR_RAFT_OVERLOADED', `${text}: too many unread responses on this stream`, {
    outcome: isCommand ? 'applied' : 'not-applied',
    retryable: !isCommand,
    hint: 'reduce the number of concurrent requests with large responses',
    details: { size },
  })
}

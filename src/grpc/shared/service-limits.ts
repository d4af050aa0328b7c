/** What a node grants those who are not its peers: how much, how many at once, and for how long. */
import { RaftError } from '../../errors.ts'

export interface ServiceLimits {
  /** The largest command or query, encoded; beyond it ERR_RAFT_TOO_LARGE. */
  readonly commandBytesMax: number
  /** The largest result or answer; beyond it the caller is told ERR_RAFT_TOO_LARGE instead. */
  readonly answerBytesMax: number
  /** The most requests of one stream that are not answered yet, or whose answer has not left; beyond it ERR_RAFT_OVERLOADED. */
  readonly streamRequestsMax: number
  /** The same in bytes, requests and answers together; with twice as much waiting to be read, answers are dropped, and said to be. */
  readonly streamBytesMax: number
  /** The most streams at a time; beyond it ERR_RAFT_OVERLOADED. */
  readonly streamsMax: number
  /** How long a call may wait that names no deadline, and the longest any may. */
  readonly timeoutMs: number
  readonly timeoutMsMax: number
  /** The same for taking a snapshot. */
  readonly snapshotTimeoutMs: number
  readonly snapshotTimeoutMsMax: number
}

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

/** The time a call gets: what it asked for, within what is granted; without a wish, the default. */
export function clampTimeout(requestedMs: number | undefined, defaultMs: number, maxMs: number): number {
  if (requestedMs === undefined || Number.isNaN(requestedMs)) return defaultMs
  return Math.min(Math.max(0, requestedMs), maxMs)
}

/** Throws ERR_RAFT_TOO_LARGE, with the size and the limit. */
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

/** The error that takes the place of an answer too large to send: the command, if it was one, is applied all the same. */
export function answerTooLargeError(what: 'command' | 'query', size: number, limit: number): RaftError {
  const isCommand = what === 'command'
  const text = isCommand
    ? `the command is applied, but its result of ${size} bytes is more than the ${limit} that are sent`
    : `the answer of ${size} bytes is more than the ${limit} that are sent`
  return new RaftError('ERR_RAFT_TOO_LARGE', text, {
    outcome: isCommand ? 'applied' : 'not-applied',
    hint: 'ask for less at a time',
    details: { size, limit },
  })
}

/** The error that takes the place of an answer for which there is no room, because those before it have not been read. */
export function answerDroppedError(what: 'command' | 'query', size: number): RaftError {
  const isCommand = what === 'command'
  const text = isCommand ? 'the command is applied, but its result was dropped' : 'the query was answered in vain'
  return new RaftError('ERR_RAFT_OVERLOADED', `${text}: too much is waiting to be read from this stream`, {
    outcome: isCommand ? 'applied' : 'not-applied',
    retryable: !isCommand,
    hint: 'have fewer requests with large answers under way',
    details: { size },
  })
}

/** Puts what a client proposes in a session into its envelope, with the log time of this node. */
import type { SessionCommand } from '../../contracts/session.ts'
import { RaftError } from '../../errors.ts'
import { encodeRegistration, encodeSessionCommand } from '../../sessions/envelope.ts'
import type { SessionLimits } from '../../sessions/limits.ts'
import type { LogTime } from '../../sessions/log-time.ts'
import { expiredError } from '../../sessions/session-errors.ts'

export function registrationEntry(logTime: LogTime, limits: SessionLimits): Uint8Array {
  return encodeRegistration(logTime.estimate(), limits)
}

/**
 * Throws ERR_RAFT_BAD_MESSAGE if the numbers are not those of a session: they must not enter the log; and ERR_RAFT_SESSION_EXPIRED if the session
 * is of another cluster, such as the one whose backup this one was restored from.
 */
export function commandEntry(
  logTime: LogTime,
  ownClusterId: string,
  session: SessionCommand,
  command: Uint8Array,
): Uint8Array {
  const { clusterId = ownClusterId } = session
  if (clusterId !== ownClusterId) throw expiredError(session.id)
  const { id, sequence, lowest = sequence } = session
  const numbers = [id, sequence, lowest]
  if (!numbers.every((number) => Number.isSafeInteger(number) && number >= 1) || lowest > sequence)
    throw new RaftError(
      'ERR_RAFT_BAD_MESSAGE',
      `the proposal was not started: session ${id}, sequence ${sequence} and lowest ${lowest} must be integers from 1 on, and lowest at most sequence`,
      { hint: 'use the id that registerSession() returned, and number its commands 1, 2, 3, …' },
    )
  return encodeSessionCommand(logTime.estimate(), session, command)
}

/** Why an entry of a session was not executed, as errors for its caller. */
import type { SessionId } from '../contracts/session.ts'
import type { LogIndex } from '../core/types.ts'
import { RaftError } from '../errors.ts'
import type { Verdict } from './session-table.ts'

export function expiredError(session: SessionId): RaftError {
  return new RaftError(
    'ERR_RAFT_SESSION_EXPIRED',
    `session ${session} has expired or was never registered: the command was not applied by this attempt, but may have been by an earlier one`,
    {
      hint: 'if this was the first attempt, register a new session and propose the command in it; otherwise read the state first',
      details: { session },
    },
  )
}

export function refusalError(
  session: SessionId,
  sequence: number,
  verdict: Extract<Verdict, { type: 'belowLowest' | 'tooFarAhead' }>,
): RaftError {
  const { lowest } = verdict
  const what = `command ${sequence} of session ${session} was not applied by this attempt`
  if (verdict.type === 'tooFarAhead')
    return new RaftError(
      'ERR_RAFT_OVERLOADED',
      `${what}: the client still waits for command ${lowest}, and sessionCommandsMax is ${verdict.max}`,
      {
        hint: 'wait until earlier commands finish, then try again',
        details: { session, sequence, lowest, limit: 'sessionCommandsMax', max: verdict.max },
      },
    )
  return new RaftError(
    'ERR_RAFT_OUTCOME_UNKNOWN',
    `${what}: its client no longer waits for commands below ${lowest}, so that nothing is known about them`,
    {
      hint: 'a client must not raise `lowest` above a command that it may repeat',
      details: { session, sequence, lowest },
    },
  )
}

export function resultDroppedError(session: SessionId, sequence: number, index: LogIndex): RaftError {
  return new RaftError(
    'ERR_RAFT_RESULT_DROPPED',
    `command ${sequence} of session ${session} was applied at index ${index}, but its result was dropped`,
    {
      hint: 'read what you need from the state; or raise sessionResultBytesMax',
      details: { session, sequence, index },
    },
  )
}

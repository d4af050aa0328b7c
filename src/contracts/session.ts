/** Client sessions: what makes a command one that is applied once, however often it is proposed. */
import type { LogIndex } from '../core/types.ts'

/** The id of a session: the index of the log entry that registered it. */
export type SessionId = LogIndex

/** A session that was registered. */
export interface RegisteredSession {
  readonly id: SessionId
  /** A cluster that was restored from a backup has another id, and may have given the same session id to another client. */
  readonly clusterId: string
}

/**
 * Makes a command one of a session. All commands with the same session and sequence number are the same command: the first one in the log is
 * applied, and the others get its result.
 */
export interface SessionCommand {
  readonly id: SessionId
  /** The cluster in which the session was registered; compared if it is given. */
  readonly clusterId?: string | undefined
  /** 1 for the first command of the session, and one more for each further command. */
  readonly sequence: number
  /**
   * The lowest sequence number that the client still waits for: the results below are dropped, and commands below are no longer applied.
   * Default: `sequence`, for a client with one command at a time.
   */
  readonly lowest?: number | undefined
}

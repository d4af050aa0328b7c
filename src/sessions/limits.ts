/** The limits of client sessions. */

/** The bounds of the table of sessions. The leader writes its own into each registration, and all nodes adopt the newest. */
export interface SessionLimits {
  /** A session without a command for this long expires, in milliseconds of log time: the time during which nodes ran. */
  readonly sessionTimeoutMs: number
  /** The most sessions; another registration expires the one that was idle longest. */
  readonly sessionsMax: number
  /** How far a sequence number may be above the lowest that the client waits for; further commands are rejected with ERR_RAFT_OVERLOADED. */
  readonly sessionCommandsMax: number
  /** The most results kept for all sessions; beyond it the sessions that were idle longest expire. */
  readonly sessionResultsMax: number
  /** The most bytes of encoded results kept; beyond it the oldest are dropped, and a repeated command ends as applied without its result. */
  readonly sessionResultBytesMax: number
}

/** The defaults of SessionLimits. */
export const SESSION_DEFAULTS: SessionLimits = {
  sessionTimeoutMs: 60 * 60 * 1000,
  sessionsMax: 10_000,
  sessionCommandsMax: 4096,
  sessionResultsMax: 200_000,
  sessionResultBytesMax: 64 * 1024 * 1024,
}

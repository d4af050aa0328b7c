/** Proposes commands in sessions, so that a command whose fate is unknown can be sent again. */
import type { Clock } from '../contracts/clock.ts'
import type { Applied, ProposeOptions } from '../contracts/node-service.ts'
import type { RegisteredSession } from '../contracts/session.ts'
import { isRaftError } from '../errors.ts'
import { notRegisteredError } from './client-errors.ts'
import type { ClientSession } from './client-sessions.ts'
import { ClientSessions } from './client-sessions.ts'
import { mayRetry } from './retry-rules.ts'
import type { RetryingCaller } from './retrying-caller.ts'
import { MIN_REMAINING_FRACTION } from './retrying-caller.ts'

export interface SessionCallerParts {
  readonly caller: Pick<RetryingCaller, 'call'>
  readonly clock: Clock
  /** The timeout of a call without one. */
  readonly timeoutMs: number
}

export class SessionCaller {
  readonly #parts: SessionCallerParts
  readonly #sessions: ClientSessions

  constructor(parts: SessionCallerParts) {
    this.#parts = parts
    this.#sessions = new ClientSessions({ clock: parts.clock, register: (timeoutMs) => this.#register(timeoutMs) })
  }

  /** A session that has expired before anything was applied in it is replaced by a new one. */
  async propose(
    command: Uint8Array,
    { signal, timeoutMs = this.#parts.timeoutMs, expectTerm }: ProposeOptions,
  ): Promise<Applied> {
    const { caller, clock } = this.#parts
    const deadline = clock.now() + timeoutMs
    let leftMs = timeoutMs
    for (;;) {
      const session = this.#sessions.available
      if (session === undefined) {
        const isOfAnotherCall = this.#sessions.isRegistering
        try {
          await this.#sessions.register(leftMs, signal)
        } catch (error) {
          // The other call may have had less time than this one.
          const hasTime = deadline - clock.now() >= timeoutMs * MIN_REMAINING_FRACTION
          if (!isOfAnotherCall || !hasTime || !isRaftError(error) || !mayRetry('read', error)) throw error
        }
        leftMs = Math.max(1, deadline - clock.now())
        continue
      }
      const sequence = session.open()
      try {
        return await caller.call(
          'repeatable',
          (channel, { signal, timeoutMs, forward }) =>
            channel.propose(command, { signal, timeoutMs, forward, session: session.commandOf(sequence), expectTerm }),
          { signal, timeoutMs: leftMs },
        )
      } catch (error) {
        leftMs = Math.max(1, deadline - clock.now())
        if (!this.#isReplaced(session, error) || leftMs <= 1) throw error
      } finally {
        session.end(sequence)
      }
    }
  }

  /** Whether the session has expired, and the command was certainly not applied. */
  #isReplaced(session: ClientSession, error: unknown): boolean {
    if (!isRaftError(error, 'ERR_RAFT_SESSION_EXPIRED')) return false
    this.#sessions.drop(session)
    return error.outcome === 'not-applied'
  }

  /** A registration may be repeated like a read: one that is not used expires. */
  async #register(timeoutMs: number): Promise<RegisteredSession> {
    try {
      return await this.#parts.caller.call('read', (channel, options) => channel.registerSession(options), {
        timeoutMs,
      })
    } catch (error) {
      throw isRaftError(error) && error.outcome !== 'not-applied' ? notRegisteredError(error.message, error) : error
    }
  }
}

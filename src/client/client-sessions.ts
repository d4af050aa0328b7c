/** The sessions of a client: registers them when they are needed, and numbers their commands. */
import type { Clock } from '../contracts/clock.ts'
import type { RegisteredSession, SessionCommand } from '../contracts/session.ts'
import { onAbort } from '../platform/on-abort.ts'
import { abortedError, notRegisteredError } from './client-errors.ts'

/**
 * A command is at most this far above the lowest that the session still waits for; beyond it the client uses another session, so that one slow
 * command does not hold up the others. Below `sessionCommandsMax` of the nodes.
 */
const COMMANDS_MAX = 1024

/** One session, and the commands whose outcome is not known yet. */
export class ClientSession {
  readonly #registered: RegisteredSession
  #next = 1
  /** The lowest open number, or the next one. */
  #lowest = 1
  /** Whether a number is open, by its remainder: open numbers are less than COMMANDS_MAX apart. */
  readonly #isOpen = new Uint8Array(COMMANDS_MAX)

  constructor(registered: RegisteredSession) {
    this.#registered = registered
  }

  get hasCapacity(): boolean {
    return this.#next - this.#lowest < COMMANDS_MAX
  }

  open(): number {
    const sequence = this.#next++
    this.#isOpen[sequence % COMMANDS_MAX] = 1
    return sequence
  }

  /** The client will not send the command again. */
  end(sequence: number): void {
    this.#isOpen[sequence % COMMANDS_MAX] = 0
    while (this.#lowest < this.#next && this.#isOpen[this.#lowest % COMMANDS_MAX] === 0) this.#lowest++
  }

  commandOf(sequence: number): SessionCommand {
    const { id, clusterId } = this.#registered
    return { id, clusterId, sequence, lowest: this.#lowest }
  }
}

export interface ClientSessionsParts {
  readonly clock: Clock
  /** Registers a session through the log, within this time. */
  readonly register: (timeoutMs: number) => Promise<RegisteredSession>
}

export class ClientSessions {
  readonly #parts: ClientSessionsParts
  readonly #sessions: ClientSession[] = []
  #registering: Promise<ClientSession> | undefined

  constructor(parts: ClientSessionsParts) {
    this.#parts = parts
  }

  /** A session with capacity, if there is one. */
  get available(): ClientSession | undefined {
    const first = this.#sessions[0]
    return first?.hasCapacity === true ? first : this.#sessions.find(({ hasCapacity }) => hasCapacity)
  }

  /** Whether a registration is in progress, within the time of the call that began it. */
  get isRegistering(): boolean {
    return this.#registering !== undefined
  }

  /** Registers a session, or waits for the registration in progress. Rejects at the deadline, or when the signal is aborted. */
  async register(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#registering === undefined) {
      this.#registering = this.#parts.register(timeoutMs).then((registered) => {
        const session = new ClientSession(registered)
        this.#sessions.push(session)
        return session
      })
      const done = (): void => {
        this.#registering = undefined
      }
      this.#registering.then(done, done)
    }
    await this.#within(timeoutMs, signal, this.#registering)
  }

  /** The session has expired. */
  drop(session: ClientSession): void {
    const offset = this.#sessions.indexOf(session)
    if (offset >= 0) this.#sessions.splice(offset, 1)
  }

  #within(timeoutMs: number, signal: AbortSignal | undefined, registering: Promise<ClientSession>): Promise<void> {
    const { clock } = this.#parts
    return new Promise((resolve, reject) => {
      const settle = (action: () => void): void => {
        timer.cancel()
        stopListening?.()
        action()
      }
      const timer = clock.wakeAt(clock.now() + timeoutMs, () =>
        settle(() => reject(notRegisteredError(`there was no answer within ${Math.round(timeoutMs)} ms`))),
      )
      const stopListening =
        signal === undefined ? undefined : onAbort(signal, () => settle(() => reject(abortedError(signal))))
      registering.then(
        () => settle(resolve),
        (error) => settle(() => reject(error)),
      )
    })
  }
}

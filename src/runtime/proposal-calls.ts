/** The calls that propose: commands, with or without a session, and registrations of sessions. */
import type { ProposeOptions, RegisterOptions } from '../contracts/node-service.ts'
import type { RegisteredSession } from '../contracts/session.ts'
import type { LogIndex, Term } from '../core/types.ts'
import { assertTerm } from '../platform/options.ts'
import { encodeMachineVersion } from '../sessions/envelope.ts'
import type { LogTime } from '../sessions/log-time.ts'
import type { Calls } from './calls/calls.ts'
import type { OnApplied, Proposal } from './calls/proposal-batch.ts'
import { commandEntry, registrationEntry } from './calls/session-entries.ts'
import { tooLargeError } from './codecs.ts'
import type { Health } from './health/health.ts'
import type { Meters } from './meters.ts'
import type { RuntimeOptions } from './options.ts'

export interface ProposalCallsParts<Result> {
  readonly options: RuntimeOptions
  readonly clusterId: string
  readonly logTime: LogTime
  readonly calls: Pick<Calls<Result>, 'proposals' | 'deadlines'>
  readonly health: Pick<Health, 'shortageError'>
  readonly meters: Meters
  /** Schedules a turn, which submits the proposal. */
  readonly wake: () => void
}

export class ProposalCalls<Result> {
  readonly #parts: ProposalCallsParts<Result>

  constructor(parts: ProposalCallsParts<Result>) {
    this.#parts = parts
  }

  /**
   * Calls `resolve` once the command is applied on this node, or `reject`; throws if it is not started. With callbacks, so that a command
   * costs one promise, which the caller makes.
   */
  propose(
    command: Uint8Array,
    options: ProposeOptions,
    awaitLeader: boolean,
    resolve: OnApplied<Result>,
    reject: (error: unknown) => void,
  ): void {
    const { session, expectTerm } = options
    assertTerm(expectTerm)
    const { logTime, clusterId } = this.#parts
    const { commandBytesMax } = this.#parts.options
    if (command.length > commandBytesMax) throw tooLargeError(command.length, commandBytesMax)
    const entry =
      session === undefined
        ? { command, isEnveloped: false, expectTerm }
        : { command: commandEntry(logTime, clusterId, session, command), isEnveloped: true, expectTerm }
    this.#add(entry, options, awaitLeader, resolve, reject)
  }

  register(options: RegisterOptions): Promise<RegisteredSession> {
    return new Promise((resolve, reject) => {
      const { logTime, clusterId, options: limits } = this.#parts
      const onRegistered = (_result: Result, index: LogIndex): void => resolve({ id: index, clusterId })
      const entry = { command: registrationEntry(logTime, limits), isEnveloped: true, expectTerm: undefined }
      this.#add(entry, options, options.awaitLeader ?? false, onRegistered, reject)
    })
  }

  /** Appends the entry that raises the machine version, if this node leads in the term. */
  raiseMachineVersion(version: number, expectTerm: Term, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const entry = { command: encodeMachineVersion(version), isEnveloped: true, expectTerm }
      this.#add(entry, { signal, forward: false }, false, () => resolve(), reject)
    })
  }

  #add(
    entry: Pick<Proposal<Result>, 'command' | 'isEnveloped' | 'expectTerm'>,
    options: Pick<ProposeOptions, 'signal' | 'timeoutMs' | 'forward'>,
    retryWithoutLeader: boolean,
    resolve: OnApplied<Result>,
    reject: (error: unknown) => void,
  ): void {
    const { calls, health, meters, options: defaults, wake } = this.#parts
    const { signal, forward = defaults.forward } = options
    const { command, isEnveloped, expectTerm } = entry
    const { proposals, deadlines } = calls
    const error = health.shortageError ?? proposals.checkCapacity(command.length)
    if (error !== undefined) {
      meters.proposal(0, error.code)
      throw error
    }
    const deadline = deadlines.deadlineFor(options)
    const startedAt = deadline - (options.timeoutMs ?? defaults.callTimeoutMs)
    proposals.add({
      command,
      startedAt,
      isEnveloped,
      expectTerm,
      retryWithoutLeader,
      forward,
      resolve,
      deadline,
      signal,
      reject,
    })
    wake()
  }
}

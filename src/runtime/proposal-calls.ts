/** The calls that propose: commands, with or without a session, and registrations of sessions. */
import type { Applied, ProposeOptions, RegisterOptions } from '../contracts/node-service.ts'
import type { RegisteredSession } from '../contracts/session.ts'
import type { LogIndex, Term } from '../core/types.ts'
import { assertTerm } from '../platform/options.ts'
import { encodeMachineVersion } from '../sessions/envelope.ts'
import type { LogTime } from '../sessions/log-time.ts'
import type { Calls } from './calls/calls.ts'
import type { Proposal } from './calls/proposal-batch.ts'
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

  /** Resolves once the command is applied on this node. */
  propose(command: Uint8Array, options: ProposeOptions = {}): Promise<Applied<Result>> {
    return new Promise((resolve, reject) => {
      const { session, expectTerm } = options
      assertTerm(expectTerm)
      const { logTime, clusterId } = this.#parts
      const { commandBytesMax } = this.#parts.options
      if (command.length > commandBytesMax) throw tooLargeError(command.length, commandBytesMax)
      const entry = session === undefined ? { command } : commandEntry(logTime, clusterId, session, command)
      this.#add({ ...entry, expectTerm }, options, (result, index, term) => resolve({ index, term, result }), reject)
    })
  }

  register(options: RegisterOptions): Promise<RegisteredSession> {
    return new Promise((resolve, reject) => {
      const { logTime, clusterId, options: limits } = this.#parts
      const onRegistered = (_result: Result, index: LogIndex): void => resolve({ id: index, clusterId })
      this.#add(registrationEntry(logTime, limits), options, onRegistered, reject)
    })
  }

  /** Appends the entry that raises the machine version, if this node leads in the term. */
  raiseMachineVersion(version: number, expectTerm: Term, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const entry = { command: encodeMachineVersion(version), isEnveloped: true, expectTerm }
      this.#add(entry, { signal, forward: false }, () => resolve(), reject)
    })
  }

  #add(
    entry: Pick<Proposal<Result>, 'command' | 'isEnveloped' | 'expectTerm'>,
    options: Pick<ProposeOptions, 'signal' | 'timeoutMs' | 'forward' | 'awaitLeader'>,
    resolve: Proposal<Result>['resolve'],
    reject: Proposal<Result>['reject'],
  ): void {
    const { calls, health, meters, options: defaults, wake } = this.#parts
    const { signal, awaitLeader: retryWithoutLeader = false, forward = defaults.forward } = options
    const { proposals, deadlines } = calls
    const error = health.shortageError ?? proposals.checkCapacity(entry.command.length)
    if (error !== undefined) {
      meters.proposal(0, error.code)
      throw error
    }
    const deadline = deadlines.deadlineFor(options)
    const startedAt = deadline - (options.timeoutMs ?? defaults.callTimeoutMs)
    proposals.add({ ...entry, startedAt, retryWithoutLeader, forward, deadline, signal, resolve, reject })
    wake()
  }
}

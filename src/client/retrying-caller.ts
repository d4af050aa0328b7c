/** Runs a call against the cluster: tries nodes, follows leader hints, backs off, and fails with a summary of all attempts. */
import type { Clock } from '../contracts/clock.ts'
import type { CallOptions, NodeStatus } from '../contracts/node-service.ts'
import type { Term } from '../core/types.ts'
import { isRaftError, RaftError } from '../errors.ts'
import { errorMessage } from '../platform/error-message.ts'
import { AttemptWatch } from './attempt-watch.ts'
import { BackoffTimers } from './backoff-timers.ts'
import { abortedError, attemptsExhausted, closedError, silentNodeError } from './client-errors.ts'
import type { Endpoints } from './endpoints.ts'
import type { ClientLimitOptions } from './options.ts'
import type { Attempt, AttemptOptions } from './repeatable-call.ts'
import { RepeatableCall } from './repeatable-call.ts'
import type { NextAttempt } from './retry-plan.ts'
import { RetryPlan } from './retry-plan.ts'
import type { CallKind } from './retry-rules.ts'
import { isAnswer, isUnresponsive, mayRetry } from './retry-rules.ts'
import { SilenceWatch } from './silence-watch.ts'

export interface RetryingCallerOptions {
  readonly endpoints: Endpoints
  readonly limits: ClientLimitOptions
  readonly clock: Clock
  readonly random: () => number
}

/** No attempt starts with less than this fraction of the timeout left: it would probably end with an unknown outcome. */
export const MIN_REMAINING_FRACTION = 0.1

export class RetryingCaller {
  readonly #endpoints: Endpoints
  readonly #limits: ClientLimitOptions
  readonly #clock: Clock
  readonly #random: () => number
  readonly #backoffTimers: BackoffTimers
  /** Pending status requests that learn the members, by address. */
  readonly #memberLookups = new Map<string, Promise<void>>()
  readonly #silence: SilenceWatch
  /** The attempts of repeatable calls. */
  readonly #attempts: AttemptWatch
  /** The silent nodes about which the endpoints are being asked. */
  readonly #enquiries = new Map<string, Promise<void>>()
  #learnedFrom: string | undefined
  /** The term of the last leader for which an enquiry has woken calls: a node that names a leader that has stepped down must not keep them awake. */
  #enquiredTerm: Term = -1
  #isClosed = false

  constructor({ endpoints, limits, clock, random }: RetryingCallerOptions) {
    this.#endpoints = endpoints
    this.#limits = limits
    this.#clock = clock
    this.#random = random
    this.#backoffTimers = new BackoffTimers(clock)
    this.#attempts = new AttemptWatch(clock, limits.attemptTimeoutMs)
    const { nodeSilenceMs } = limits
    this.#silence = new SilenceWatch({ clock, nodeSilenceMs, onSilent: (address) => this.#onSilent(address) })
  }

  call<Value>(kind: CallKind, action: Attempt<Value>, options: CallOptions = {}): Promise<Value> {
    if (kind !== 'repeatable') return this.#run(kind, action, options)
    return new RepeatableCall(action, this.#attempts).run((attempt, isDone) =>
      this.#run(kind, attempt, options, isDone),
    )
  }

  async #run<Value>(
    kind: CallKind,
    action: Attempt<Value>,
    options: CallOptions,
    isDone: () => boolean = () => false,
  ): Promise<Value> {
    const { signal, timeoutMs } = this.#withTimeout(options)
    const startedAt = this.#clock.now()
    const deadline = startedAt + timeoutMs
    let address = this.#endpoints.preferred
    let plan: RetryPlan | undefined
    let hasLearnedHint = false
    for (let attempts = 1; ; attempts++) {
      this.#assertUsable(signal)
      const attemptOptions = {
        signal,
        timeoutMs: this.#attemptTimeoutMs(kind, deadline - this.#clock.now()),
        forward: plan?.isForwarding ?? false,
      }
      const result = this.#silence.isSilent(address)
        ? { error: this.#silentError(address) }
        : await this.#attempt(kind, action, address, attemptOptions)
      if ('value' in result) {
        this.#onServed(kind, address)
        return result.value
      }
      const { error } = result
      if (this.#isClosed || signal?.aborted === true || isDone() || !mayRetry(kind, error)) throw error
      if (plan === undefined) plan = new RetryPlan(this.#endpoints, { ...this.#limits, random: this.#random })
      if (!hasLearnedHint) hasLearnedHint = await this.#learnHintedLeader(address, error)
      const next = plan.next(address, error)
      const now = this.#clock.now()
      if (deadline - now - next.pauseMs < timeoutMs * MIN_REMAINING_FRACTION)
        throw attemptsExhausted({
          failures: plan.failures,
          leader: this.#endpoints.leader,
          leaderAddress: this.#endpoints.leaderAddress,
          waitedMs: now - startedAt,
          attempts,
        })
      address = await this.#addressAfterPause(next, signal)
      if (isDone()) throw error
    }
  }

  /** Makes one attempt at this address; without an address it is the same as `call`. */
  async callAt<Value>(
    address: string | undefined,
    kind: CallKind,
    action: Attempt<Value>,
    options: CallOptions = {},
  ): Promise<Value> {
    if (address === undefined) return this.call(kind, action, options)
    const attemptOptions = { ...this.#withTimeout(options), forward: true }
    this.#assertUsable(attemptOptions.signal)
    const result = await this.#attempt(kind, action, address, attemptOptions)
    if ('value' in result) return result.value
    throw result.error
  }

  /** Rejects calls that wait for their next attempt. Running attempts end when their channel closes. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#silence.stop()
    this.#attempts.stop()
    this.#backoffTimers.wakeAll()
    await this.#endpoints.close()
    await Promise.all([...this.#memberLookups.values(), ...this.#enquiries.values()])
  }

  #withTimeout({
    signal,
    timeoutMs = this.#limits.timeoutMs,
  }: CallOptions): CallOptions & { readonly timeoutMs: number } {
    if (Number.isFinite(timeoutMs) && timeoutMs > 0) return { signal, timeoutMs }
    throw new RaftError('ERR_RAFT_OPTIONS', `timeoutMs must be a positive number of milliseconds, not ${timeoutMs}`)
  }

  #assertUsable(signal: AbortSignal | undefined): void {
    if (this.#isClosed) throw closedError()
    if (signal?.aborted === true) throw abortedError(signal)
  }

  /** A read may be retried at another node, so each attempt gets a shorter timeout. An answer to a mutation counts whenever it comes. */
  #attemptTimeoutMs(kind: CallKind, leftMs: number): number {
    const isRead = kind === 'read' || kind === 'local-read'
    return Math.max(1, isRead ? Math.min(leftMs, this.#limits.attemptTimeoutMs) : leftMs)
  }

  async #attempt<Value>(
    kind: CallKind,
    action: Attempt<Value>,
    address: string,
    options: AttemptOptions,
  ): Promise<{ readonly value: Value } | { readonly error: RaftError }> {
    this.#silence.onCallOpened(address)
    try {
      const value = await action(this.#endpoints.channel(address), options)
      this.#silence.onAnswer(address)
      return { value }
    } catch (reason) {
      const error = isRaftError(reason) ? reason : unexpectedError(reason, kind)
      if (error.leader !== undefined) this.#endpoints.onLeaderHint(error.leader)
      if (isAnswer(error)) this.#silence.onAnswer(address)
      if (isUnresponsive(error)) this.#endpoints.avoid(address)
      return { error }
    } finally {
      this.#silence.onCallEnded(address)
    }
  }

  /** A silent node gets no call, but a status request: once it answers, it gets calls again. */
  #silentError(address: string): RaftError {
    this.#enquire(address)
    return silentNodeError(address, this.#limits.nodeSilenceMs)
  }

  #onSilent(address: string): void {
    this.#endpoints.avoid(address)
    this.#attempts.onSilent(address, `it answered none of the open calls for ${this.#limits.nodeSilenceMs} ms`)
    this.#enquire(address)
  }

  /** Asks every node who leads. At most one enquiry per silent node is pending. */
  #enquire(silent: string): void {
    if (this.#isClosed || this.#enquiries.has(silent)) return
    const answers = this.#endpoints.all.map((address) => this.#askWhoLeads(address))
    const enquiry = Promise.all(answers).then(() => {
      this.#enquiries.delete(silent)
      if (this.#isClosed || !this.#silence.isSilent(silent)) return
      this.#endpoints.channel(silent).releaseUnsent?.(silentNodeError(silent, this.#limits.nodeSilenceMs))
    })
    this.#enquiries.set(silent, enquiry)
  }

  async #askWhoLeads(address: string): Promise<void> {
    const status = await this.#fetchMembers(address, this.#limits.nodeSilenceMs)
    if (status?.leader === undefined || this.#isClosed) return
    const hint = { id: status.leader, address: status.leaderAddress, term: status.term }
    this.#endpoints.onLeaderHint(hint)
    const leader = this.#endpoints.leaderAddress
    if (leader === undefined || this.#endpoints.leader !== hint || this.#silence.isSilent(leader)) return
    this.#endpoints.prefer(leader)
    if (hint.term <= this.#enquiredTerm) return
    this.#enquiredTerm = hint.term
    this.#backoffTimers.onLeaderFound()
  }

  async #addressAfterPause(
    { address, pauseMs, reason }: NextAttempt,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    if (pauseMs === 0) return address
    return (await this.#backoffTimers.wait(pauseMs, reason, signal)) === 'leader' ? this.#endpoints.preferred : address
  }

  /** The next call starts at the node that served this one, and calls that wait for a leader are woken. */
  #onServed(kind: CallKind, address: string): void {
    if (kind !== 'local-read') {
      this.#endpoints.prefer(address)
      this.#backoffTimers.onLeaderFound()
    }
    if (this.#learnedFrom !== address) void this.#learnMembers(address)
  }

  /** A hint to an unknown address is followed only if the hinting node lists that address in its membership. */
  async #learnHintedLeader(address: string, { leader }: RaftError): Promise<boolean> {
    if (leader?.address === undefined || this.#endpoints.addressOf(leader) !== undefined) return false
    await this.#learnMembers(address)
    return true
  }

  /** Learns the members from a node's status. At most one lookup per node is pending; failures are ignored. */
  #learnMembers(address: string): Promise<void> {
    const current = this.#memberLookups.get(address)
    if (current !== undefined) return current
    this.#learnedFrom = address
    const lookup = this.#fetchMembers(address, this.#limits.attemptTimeoutMs).then(() => {
      this.#memberLookups.delete(address)
    })
    this.#memberLookups.set(address, lookup)
    return lookup
  }

  async #fetchMembers(address: string, timeoutMs: number): Promise<NodeStatus | undefined> {
    try {
      const status = await this.#endpoints.channel(address).status({ timeoutMs })
      this.#silence.onAnswer(address)
      this.#endpoints.learn(address, status)
      return status
    } catch {
      return undefined
    }
  }
}

function unexpectedError(reason: unknown, kind: CallKind): RaftError {
  return new RaftError('ERR_RAFT_INTERNAL', `unexpected error: ${errorMessage(reason)}`, {
    outcome: kind === 'mutation' || kind === 'repeatable' ? 'unknown' : 'not-applied',
    cause: reason,
  })
}

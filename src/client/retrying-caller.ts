/** Carries one call through to a node that can serve it: tries, follows hints, backs off, and gives up in words. */
import type { ClientChannel } from '../contracts/client-channel.ts'
import type { Clock } from '../contracts/clock.ts'
import type { CallOptions } from '../contracts/node-service.ts'
import { isRaftError, RaftError } from '../errors.ts'
import { BackoffTimers } from './backoff-timers.ts'
import { abortedError, attemptsExhausted, closedError } from './client-errors.ts'
import type { Endpoints } from './endpoints.ts'
import type { ClientLimitOptions } from './options.ts'
import type { NextAttempt } from './retry-plan.ts'
import { RetryPlan } from './retry-plan.ts'
import type { CallKind } from './retry-rules.ts'
import { isUnresponsive, mayRetry } from './retry-rules.ts'

export interface RetryingCallerOptions {
  readonly endpoints: Endpoints
  readonly limits: ClientLimitOptions
  readonly clock: Clock
  readonly random: () => number
}

/** One try: a method of a channel, with its arguments. */
export type Attempt<Value> = (
  channel: ClientChannel,
  options: CallOptions & { readonly timeoutMs: number },
) => Promise<Value>

/** With less than this part of a call's time left no further try is begun: cut short, it would only be of unknown outcome. */
const MIN_REMAINING_FRACTION = 0.1

export class RetryingCaller {
  readonly #endpoints: Endpoints
  readonly #limits: ClientLimitOptions
  readonly #clock: Clock
  readonly #random: () => number
  readonly #backoffTimers: BackoffTimers
  /** Statuses under way that will tell who is in, by whom was asked. */
  readonly #memberLookups = new Map<string, Promise<void>>()
  #learnedFrom: string | undefined
  #isClosed = false

  constructor({ endpoints, limits, clock, random }: RetryingCallerOptions) {
    this.#endpoints = endpoints
    this.#limits = limits
    this.#clock = clock
    this.#random = random
    this.#backoffTimers = new BackoffTimers(clock)
  }

  async call<Value>(kind: CallKind, action: Attempt<Value>, options: CallOptions = {}): Promise<Value> {
    const { signal, timeoutMs } = this.#withTimeout(options)
    const startedAt = this.#clock.now()
    const deadline = startedAt + timeoutMs
    let address = this.#endpoints.preferred
    let plan: RetryPlan | undefined
    let hasLearnedHint = false
    for (let attempts = 1; ; attempts++) {
      this.#assertUsable(signal)
      const attemptOptions = { signal, timeoutMs: this.#attemptTimeoutMs(kind, deadline - this.#clock.now()) }
      const result = await this.#attempt(kind, action, address, attemptOptions)
      if ('value' in result) {
        this.#onServed(kind, address)
        return result.value
      }
      const { error } = result
      if (this.#isClosed || signal?.aborted === true || !mayRetry(kind, error)) throw error
      if (plan === undefined) plan = new RetryPlan(this.#endpoints, { ...this.#limits, random: this.#random })
      if (!hasLearnedHint) hasLearnedHint = await this.#learnHintedLeader(address, error)
      const step = plan.next(address, error)
      const now = this.#clock.now()
      if (deadline - now - step.pauseMs < timeoutMs * MIN_REMAINING_FRACTION)
        throw attemptsExhausted({
          failures: plan.failures,
          leader: this.#endpoints.leader,
          waitedMs: now - startedAt,
          attempts,
        })
      address = await this.#addressAfterPause(step, signal)
    }
  }

  /** Tries once, at this address only; without one, it is an ordinary call. */
  async callAt<Value>(
    address: string | undefined,
    kind: CallKind,
    action: Attempt<Value>,
    options: CallOptions = {},
  ): Promise<Value> {
    if (address === undefined) return this.call(kind, action, options)
    const attemptOptions = this.#withTimeout(options)
    this.#assertUsable(attemptOptions.signal)
    const result = await this.#attempt(kind, action, address, attemptOptions)
    if ('value' in result) return result.value
    throw result.error
  }

  /** Ends what waits for its next try; what is under way ends with its channel. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#backoffTimers.wakeAll()
    await this.#endpoints.close()
    await Promise.all(this.#memberLookups.values())
  }

  #withTimeout({
    signal,
    timeoutMs = this.#limits.timeoutMs,
  }: CallOptions): CallOptions & { readonly timeoutMs: number } {
    if (Number.isFinite(timeoutMs) && timeoutMs > 0) return { signal, timeoutMs }
    throw new RaftError('ERR_RAFT_OPTIONS', `timeoutMs must be a number of milliseconds above 0, not ${timeoutMs}`)
  }

  #assertUsable(signal: AbortSignal | undefined): void {
    if (this.#isClosed) throw closedError()
    if (signal?.aborted === true) throw abortedError(signal)
  }

  /** A read that one node leaves without an answer has time for another; a mutation has not: it must not be made twice. */
  #attemptTimeoutMs(kind: CallKind, leftMs: number): number {
    return Math.max(1, kind === 'mutation' ? leftMs : Math.min(leftMs, this.#limits.attemptTimeoutMs))
  }

  async #attempt<Value>(
    kind: CallKind,
    action: Attempt<Value>,
    address: string,
    options: CallOptions & { readonly timeoutMs: number },
  ): Promise<{ readonly value: Value } | { readonly error: RaftError }> {
    try {
      const value = await action(this.#endpoints.channel(address), options)
      return { value }
    } catch (reason) {
      const error = isRaftError(reason) ? reason : unexpectedError(reason, kind)
      if (error.leader !== undefined) this.#endpoints.onLeaderHint(error.leader)
      if (isUnresponsive(error)) this.#endpoints.avoid(address)
      return { error }
    }
  }

  async #addressAfterPause(
    { address, pauseMs, reason }: NextAttempt,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    if (pauseMs === 0) return address
    return (await this.#backoffTimers.wait(pauseMs, reason, signal)) === 'leader' ? this.#endpoints.preferred : address
  }

  /** The next call begins at who has served; whoever seeks a leader may try there too. */
  #onServed(kind: CallKind, address: string): void {
    if (kind !== 'local-read') {
      this.#endpoints.prefer(address)
      this.#backoffTimers.onLeaderFound()
    }
    if (this.#learnedFrom !== address) void this.#learnMembers(address)
  }

  /** A leader at an address nobody gave us: the node that named it must also show it as a member. */
  async #learnHintedLeader(address: string, { leader }: RaftError): Promise<boolean> {
    if (leader?.address === undefined || this.#endpoints.addressOf(leader) !== undefined) return false
    await this.#learnMembers(address)
    return true
  }

  /** Asks a node who is in. One question at a time for each, however many calls want to know; no answer is no harm. */
  #learnMembers(address: string): Promise<void> {
    const current = this.#memberLookups.get(address)
    if (current !== undefined) return current
    this.#learnedFrom = address
    const lookup = this.#fetchMembers(address).finally(() => this.#memberLookups.delete(address))
    this.#memberLookups.set(address, lookup)
    return lookup
  }

  async #fetchMembers(address: string): Promise<void> {
    try {
      const status = await this.#endpoints.channel(address).status({ timeoutMs: this.#limits.attemptTimeoutMs })
      this.#endpoints.learn(address, status)
    } catch {
      return
    }
  }
}

function unexpectedError(reason: unknown, kind: CallKind): RaftError {
  const message = reason instanceof Error ? reason.message : String(reason)
  return new RaftError('ERR_RAFT_INTERNAL', `unexpected: ${message}`, {
    outcome: kind === 'mutation' ? 'unknown' : 'not-applied',
    cause: reason,
  })
}

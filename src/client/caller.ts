/** Carries one call through to a node that can serve it: tries, follows hints, backs off, and gives up in words. */
import type { ClientChannel } from '../contracts/client-channel.ts'
import type { Clock } from '../contracts/clock.ts'
import type { CallOptions } from '../contracts/node-service.ts'
import { isRaftError, RaftError } from '../errors.ts'
import type { Endpoints } from './endpoints.ts'
import { aborted, closed, gaveUp } from './failures.ts'
import type { ClientLimitOptions } from './options.ts'
import { Pauses } from './pauses.ts'
import type { CallKind } from './retry-rules.ts'
import { isSilent, mayRetry } from './retry-rules.ts'
import type { Step } from './route.ts'
import { Route } from './route.ts'

export interface CallerOptions {
  readonly endpoints: Endpoints
  readonly limits: ClientLimitOptions
  readonly clock: Clock
  readonly random: () => number
}

/** One try: a method of a channel, with its arguments. */
export type Try<Value> = (
  channel: ClientChannel,
  options: CallOptions & { readonly timeoutMs: number },
) => Promise<Value>

/** With less than this part of a call's time left no further try is begun: cut short, it would only be of unknown outcome. */
const LAST_TRY = 0.1

export class Caller {
  readonly #endpoints: Endpoints
  readonly #limits: ClientLimitOptions
  readonly #clock: Clock
  readonly #random: () => number
  readonly #pauses: Pauses
  /** Statuses under way that will tell who is in, by whom was asked. */
  readonly #learning = new Map<string, Promise<void>>()
  #learnedFrom: string | undefined
  #isClosed = false

  constructor({ endpoints, limits, clock, random }: CallerOptions) {
    this.#endpoints = endpoints
    this.#limits = limits
    this.#clock = clock
    this.#random = random
    this.#pauses = new Pauses(clock)
  }

  async call<Value>(kind: CallKind, action: Try<Value>, options: CallOptions = {}): Promise<Value> {
    const { signal, timeoutMs } = this.#granted(options)
    const begunAt = this.#clock.now()
    const deadline = begunAt + timeoutMs
    let address = this.#endpoints.preferred
    let route: Route | undefined
    let hasMet = false
    for (let attempts = 1; ; attempts++) {
      this.#refuse(signal)
      const share = { signal, timeoutMs: this.#share(kind, deadline - this.#clock.now()) }
      const tried = await this.#try(kind, action, address, share)
      if ('value' in tried) {
        this.#served(kind, address)
        return tried.value
      }
      const { error } = tried
      if (this.#isClosed || signal?.aborted === true || !mayRetry(kind, error)) throw error
      if (route === undefined) route = new Route(this.#endpoints, { ...this.#limits, random: this.#random })
      if (!hasMet) hasMet = await this.#meetStranger(address, error)
      const step = route.next(address, error)
      const now = this.#clock.now()
      if (deadline - now - step.pauseMs < timeoutMs * LAST_TRY)
        throw gaveUp({ answers: route.answers, leader: this.#endpoints.leader, waitedMs: now - begunAt, attempts })
      address = await this.#take(step, signal)
    }
  }

  /** Tries once, at this address only; without one, it is an ordinary call. */
  async callAt<Value>(
    address: string | undefined,
    kind: CallKind,
    action: Try<Value>,
    options: CallOptions = {},
  ): Promise<Value> {
    if (address === undefined) return this.call(kind, action, options)
    const granted = this.#granted(options)
    this.#refuse(granted.signal)
    const tried = await this.#try(kind, action, address, granted)
    if ('value' in tried) return tried.value
    throw tried.error
  }

  /** Ends what waits for its next try; what is under way ends with its channel. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#pauses.end()
    await this.#endpoints.close()
    await Promise.all(this.#learning.values())
  }

  #granted({ signal, timeoutMs = this.#limits.timeoutMs }: CallOptions): CallOptions & { readonly timeoutMs: number } {
    if (Number.isFinite(timeoutMs) && timeoutMs > 0) return { signal, timeoutMs }
    throw new RaftError('ERR_RAFT_OPTIONS', `timeoutMs must be a number of milliseconds above 0, not ${timeoutMs}`)
  }

  #refuse(signal: AbortSignal | undefined): void {
    if (this.#isClosed) throw closed()
    if (signal?.aborted === true) throw aborted(signal)
  }

  /** A read that one node leaves without an answer has time for another; a mutation has not: it must not be made twice. */
  #share(kind: CallKind, leftMs: number): number {
    return Math.max(1, kind === 'mutation' ? leftMs : Math.min(leftMs, this.#limits.attemptTimeoutMs))
  }

  async #try<Value>(
    kind: CallKind,
    action: Try<Value>,
    address: string,
    options: CallOptions & { readonly timeoutMs: number },
  ): Promise<{ readonly value: Value } | { readonly error: RaftError }> {
    try {
      const value = await action(this.#endpoints.channel(address), options)
      return { value }
    } catch (reason) {
      const error = isRaftError(reason) ? reason : unexpected(reason, kind)
      if (error.leader !== undefined) this.#endpoints.hinted(error.leader)
      if (isSilent(error)) this.#endpoints.avoid(address)
      return { error }
    }
  }

  async #take({ address, pauseMs, why }: Step, signal: AbortSignal | undefined): Promise<string> {
    if (pauseMs === 0) return address
    return (await this.#pauses.pause(pauseMs, why, signal)) === 'leader' ? this.#endpoints.preferred : address
  }

  /** The next call begins at who has served; whoever seeks a leader may try there too. */
  #served(kind: CallKind, address: string): void {
    if (kind !== 'local-read') {
      this.#endpoints.prefer(address)
      this.#pauses.leaderFound()
    }
    if (this.#learnedFrom !== address) void this.#learn(address)
  }

  /** A leader at an address nobody gave us: the node that named it must also show it as a member. */
  async #meetStranger(address: string, { leader }: RaftError): Promise<boolean> {
    if (leader?.address === undefined || this.#endpoints.addressOf(leader) !== undefined) return false
    await this.#learn(address)
    return true
  }

  /** Asks a node who is in. One question at a time for each, however many calls want to know; no answer is no harm. */
  #learn(address: string): Promise<void> {
    const asked = this.#learning.get(address)
    if (asked !== undefined) return asked
    this.#learnedFrom = address
    const learning = this.#askWhoIsIn(address).finally(() => this.#learning.delete(address))
    this.#learning.set(address, learning)
    return learning
  }

  async #askWhoIsIn(address: string): Promise<void> {
    try {
      const status = await this.#endpoints.channel(address).status({ timeoutMs: this.#limits.attemptTimeoutMs })
      this.#endpoints.learn(address, status)
    } catch {
      return
    }
  }
}

function unexpected(reason: unknown, kind: CallKind): RaftError {
  const message = reason instanceof Error ? reason.message : String(reason)
  return new RaftError('ERR_RAFT_INTERNAL', `unexpected: ${message}`, {
    outcome: kind === 'mutation' ? 'unknown' : 'not-applied',
    cause: reason,
  })
}

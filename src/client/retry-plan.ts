/** The way of one call from node to node: after each failure, whom to ask next, and how long to wait before. */
import type { Term } from '../core/types.ts'
import type { RaftError } from '../errors.ts'
import type { Endpoints } from './endpoints.ts'
import { isBusy } from './retry-rules.ts'

export interface BackOff {
  readonly backOffMinMs: number
  readonly backOffMaxMs: number
  readonly random: () => number
}

/** What one node said last. */
export interface EndpointFailure {
  readonly address: string
  readonly error: RaftError
}

/** The next try. A pause of a call that seeks a leader ends when one is found. */
export interface NextAttempt {
  readonly address: string
  readonly pauseMs: number
  readonly reason: 'seeking' | 'resting'
}

/**
 * Each round asks every endpoint once, without waiting; between rounds stands a pause that grows. A hint is followed at once, but
 * only one per term: two nodes that each take the other for the leader would else send a client to and fro for ever.
 */
export class RetryPlan {
  readonly #endpoints: Endpoints
  readonly #backOff: BackOff
  readonly #failures = new Map<string, EndpointFailure>()
  #triedThisRound = new Set<string>()
  #followedHintTerm: Term = -1
  #pauseCount = 0

  constructor(endpoints: Endpoints, backOff: BackOff) {
    this.#endpoints = endpoints
    this.#backOff = backOff
  }

  /** What each node said last, in the order in which they first failed. */
  get failures(): readonly EndpointFailure[] {
    return [...this.#failures.values()]
  }

  /** After `error` from `address`: the next to ask, and how long to wait before, and for what. */
  next(address: string, error: RaftError): NextAttempt {
    this.#failures.set(address, { address, error })
    this.#triedThisRound.add(address)
    const hinted = error.leader === undefined ? undefined : this.#endpoints.addressOf(error.leader)
    const term = error.leader?.term ?? 0
    if (hinted !== undefined && hinted !== address && term > this.#followedHintTerm) {
      this.#followedHintTerm = term
      return { address: hinted, pauseMs: 0, reason: 'seeking' }
    }
    if (isBusy(error)) return { address, pauseMs: this.#nextPauseMs(), reason: 'resting' }
    const others = this.#endpoints.othersAfter(address).filter((other) => !this.#triedThisRound.has(other))
    const [other] = others
    if (other !== undefined) {
      const isHintNew = hinted !== undefined && others.includes(hinted)
      return { address: isHintNew ? hinted : other, pauseMs: 0, reason: 'seeking' }
    }
    this.#triedThisRound = new Set()
    return {
      address: this.#endpoints.othersAfter(address)[0] ?? address,
      pauseMs: this.#nextPauseMs(),
      reason: 'seeking',
    }
  }

  #nextPauseMs(): number {
    const { backOffMinMs, backOffMaxMs, random } = this.#backOff
    const fullMs = Math.min(backOffMaxMs, backOffMinMs * 2 ** Math.min(this.#pauseCount++, 30))
    return fullMs * (1 - random() / 2)
  }
}

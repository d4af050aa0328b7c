/** Decides after each failed attempt of a call which node to try next, and how long to wait before. */
import type { Term } from '../core/types.ts'
import type { RaftError } from '../errors.ts'
import type { Endpoints } from './endpoints.ts'
import { isBusy, isUnresponsive } from './retry-rules.ts'

export interface BackoffOptions {
  readonly backOffMinMs: number
  readonly backOffMaxMs: number
  readonly random: () => number
}

/** The last error from one endpoint. */
export interface EndpointFailure {
  readonly address: string
  readonly error: RaftError
}

/** The next attempt. A pause with reason 'no-leader' ends as soon as a leader is found. */
export interface NextAttempt {
  readonly address: string
  readonly pauseMs: number
  readonly reason: 'no-leader' | 'busy'
}

/**
 * Each round tries every endpoint once without a pause; between rounds there is an exponential backoff. A leader hint is followed
 * at once, but only one per term: two nodes that name each other as leader would otherwise keep the client in a loop.
 */
export class RetryPlan {
  readonly #endpoints: Endpoints
  readonly #backOff: BackoffOptions
  readonly #failures = new Map<string, EndpointFailure>()
  #triedThisRound = new Set<string>()
  #followedHintTerm: Term = -1
  #pauseCount = 0

  constructor(endpoints: Endpoints, backOff: BackoffOptions) {
    this.#endpoints = endpoints
    this.#backOff = backOff
  }

  /** The last error of each endpoint, in the order of their first failures. */
  get failures(): readonly EndpointFailure[] {
    return [...this.#failures.values()]
  }

  /**
   * Whether followers may forward the call. The way to the leader is shorter, so they may only once a node did not respond, or all were tried: this
   * client may reach followers only.
   */
  get isForwarding(): boolean {
    return this.#pauseCount > 0 || this.failures.some(({ error }) => isUnresponsive(error))
  }

  /** The next attempt after `error` from `address`. */
  next(address: string, error: RaftError): NextAttempt {
    this.#failures.set(address, { address, error })
    this.#triedThisRound.add(address)
    const hinted = error.leader === undefined ? undefined : this.#endpoints.addressOf(error.leader)
    const term = error.leader?.term ?? 0
    if (hinted !== undefined && hinted !== address && term > this.#followedHintTerm) {
      this.#followedHintTerm = term
      return { address: hinted, pauseMs: 0, reason: 'no-leader' }
    }
    if (isBusy(error)) return { address, pauseMs: this.#nextPauseMs(), reason: 'busy' }
    const others = this.#endpoints.othersAfter(address).filter((other) => !this.#triedThisRound.has(other))
    const [other] = others
    if (other !== undefined) {
      const isHintNew = hinted !== undefined && others.includes(hinted)
      return { address: isHintNew ? hinted : other, pauseMs: 0, reason: 'no-leader' }
    }
    this.#triedThisRound = new Set()
    return {
      address: this.#endpoints.othersAfter(address)[0] ?? address,
      pauseMs: this.#nextPauseMs(),
      reason: 'no-leader',
    }
  }

  #nextPauseMs(): number {
    const { backOffMinMs, backOffMaxMs, random } = this.#backOff
    const fullMs = Math.min(backOffMaxMs, backOffMinMs * 2 ** Math.min(this.#pauseCount++, 30))
    return fullMs * (1 - random() / 2)
  }
}

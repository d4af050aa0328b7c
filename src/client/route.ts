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
export interface Answer {
  readonly address: string
  readonly error: RaftError
}

/** The next try. A pause of a call that seeks a leader ends when one is found. */
export interface Step {
  readonly address: string
  readonly pauseMs: number
  readonly why: 'seeking' | 'resting'
}

/**
 * Each round asks every endpoint once, without waiting; between rounds stands a pause that grows. A hint is followed at once, but
 * only one per term: two nodes that each take the other for the leader would else send a client to and fro for ever.
 */
export class Route {
  readonly #endpoints: Endpoints
  readonly #backOff: BackOff
  readonly #answers = new Map<string, Answer>()
  #asked = new Set<string>()
  #followedTerm: Term = -1
  #pauses = 0

  constructor(endpoints: Endpoints, backOff: BackOff) {
    this.#endpoints = endpoints
    this.#backOff = backOff
  }

  /** What each node said last, in the order in which they first failed. */
  get answers(): readonly Answer[] {
    return [...this.#answers.values()]
  }

  /** After `error` from `address`: the next to ask, and how long to wait before, and for what. */
  next(address: string, error: RaftError): Step {
    this.#answers.set(address, { address, error })
    this.#asked.add(address)
    const hinted = error.leader === undefined ? undefined : this.#endpoints.addressOf(error.leader)
    const term = error.leader?.term ?? 0
    if (hinted !== undefined && hinted !== address && term > this.#followedTerm) {
      this.#followedTerm = term
      return { address: hinted, pauseMs: 0, why: 'seeking' }
    }
    if (isBusy(error)) return { address, pauseMs: this.#pause(), why: 'resting' }
    const others = this.#endpoints.after(address).filter((other) => !this.#asked.has(other))
    const [other] = others
    if (other !== undefined) {
      const isHintNew = hinted !== undefined && others.includes(hinted)
      return { address: isHintNew ? hinted : other, pauseMs: 0, why: 'seeking' }
    }
    this.#asked = new Set()
    return { address: this.#endpoints.after(address)[0] ?? address, pauseMs: this.#pause(), why: 'seeking' }
  }

  #pause(): number {
    const { backOffMinMs, backOffMaxMs, random } = this.#backOff
    const fullMs = Math.min(backOffMaxMs, backOffMinMs * 2 ** Math.min(this.#pauses++, 30))
    return fullMs * (1 - random() / 2)
  }
}

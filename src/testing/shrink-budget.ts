/** Limits the shrinking of a failure: the number of attempts, and the time. */

export interface ShrinkLimits {
  readonly shrinksMax: number
  /** Unlimited by default. */
  readonly shrinkMsMax?: number | undefined
}

/** What is left for one shrinking. */
export class ShrinkBudget {
  readonly #limits: ShrinkLimits
  readonly #endsAtMs: number
  #tries = 0
  #ended: string | undefined
  #isLate = false

  constructor(limits: ShrinkLimits) {
    this.#limits = limits
    this.#endsAtMs = performance.now() + (limits.shrinkMsMax ?? Number.POSITIVE_INFINITY)
  }

  /** Takes one attempt. False once nothing is left. */
  take(): boolean {
    const { shrinksMax, shrinkMsMax } = this.#limits
    if (this.#ended !== undefined || this.isEmpty) return false
    if (this.#tries >= shrinksMax) this.#ended = `${shrinksMax} attempts (shrinksMax)`
    else if (this.isTimeOver) {
      this.#isLate = true
      this.#ended = `${shrinkMsMax} ms (shrinkMsMax)`
    } else this.#tries++
    return this.#ended === undefined
  }

  /** Whether nothing may be tried at all. */
  get isEmpty(): boolean {
    return this.#limits.shrinksMax === 0
  }

  /** Whether the time is over. */
  get isTimeOver(): boolean {
    return performance.now() >= this.#endsAtMs
  }

  /** Whether the time ended the shrinking. */
  get isLate(): boolean {
    return this.#isLate
  }

  /** The limit that ended the shrinking before its end, for messages. */
  get ended(): string | undefined {
    return this.#ended
  }
}

/** How often something happened per second, over the current window of time and the one before. */
import type { Instant } from '../core/types.ts'

/** A shorter time says little. */
const ELAPSED_MS_MIN = 1000

export class RecentRate {
  readonly #windowMs: number
  readonly #startedAt: Instant
  #window = 0
  #current = 0
  #previous = 0

  constructor(windowMs: number, now: Instant) {
    this.#windowMs = windowMs
    this.#startedAt = now
  }

  add(now: Instant, count: number): void {
    this.#advance(now)
    this.#current += count
  }

  at(now: Instant): number {
    this.#advance(now)
    const from = Math.max(0, (this.#window - 1) * this.#windowMs)
    const elapsedMs = now - this.#startedAt - from
    return (1000 * (this.#current + this.#previous)) / Math.max(ELAPSED_MS_MIN, elapsedMs)
  }

  #advance(now: Instant): void {
    const window = Math.floor((now - this.#startedAt) / this.#windowMs)
    if (window === this.#window) return
    this.#previous = window === this.#window + 1 ? this.#current : 0
    this.#current = 0
    this.#window = window
  }
}

/** The largest of recent values: of the current window of time and the one before. */
import type { Instant } from './types.ts'

export class RecentMax {
  readonly #windowMs: number
  #window = 0
  #current = 0
  #previous = 0

  constructor(windowMs: number) {
    this.#windowMs = windowMs
  }

  add(now: Instant, value: number): void {
    this.#advance(now)
    if (value > this.#current) this.#current = value
  }

  /** 0 if there were no values. */
  at(now: Instant): number {
    this.#advance(now)
    return Math.max(this.#current, this.#previous)
  }

  #advance(now: Instant): void {
    const window = Math.floor(now / this.#windowMs)
    if (window === this.#window) return
    this.#previous = window === this.#window + 1 ? this.#current : 0
    this.#current = 0
    this.#window = window
  }
}

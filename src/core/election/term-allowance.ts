/** Bounds by how much messages may raise the term, so that no peer can exhaust it. */
import type { Instant, Term } from '../types.ts'

/**
 * The most by which messages raise the term of a node in one second, and at once. Honest terms rise by one per election timeout: with
 * timeouts of 150 ms, by this much in 43 hours, and a node that was away for ten years catches up in 34 minutes. Nodes that raise each other's
 * terms without pause need 2^52 / 2^20 seconds, 136 years, to reach the largest term.
 */
export const TERM_RAISE_MAX: number = 2 ** 20

const PER_MS = TERM_RAISE_MAX / 1000

export class TermAllowance {
  #left = TERM_RAISE_MAX
  #at: Instant

  constructor(now: Instant) {
    this.#at = now
  }

  /** Takes up to `wanted` of what is left now, and returns how much. */
  take(now: Instant, wanted: number): Term {
    this.#left = Math.min(TERM_RAISE_MAX, this.#left + Math.floor((now - this.#at) * PER_MS))
    this.#at = now
    const taken = Math.min(wanted, this.#left)
    this.#left -= taken
    return taken
  }
}

/** How old the state of this node can be at most, by what it knows: the proof for reads with `maxStalenessMs`. */
import type { Instant } from '../../core/types.ts'

/**
 * The only proof is a round that this node began itself: a linearizable read that it asked for at time t, and whose index is applied, shows
 * that the state has every write that was acknowledged before t. The time of a received message proves nothing: it may have been under way for long,
 * and its sender may have been deposed. Only the time that passes on this node's own clock counts, pauses of the process included.
 */
export class StateAge {
  readonly #clockDriftMax: number
  /** When the newest round whose index is applied was begun. */
  #provenAt: Instant = Number.NEGATIVE_INFINITY
  /** When the newest round was begun. */
  #askedAt: Instant = Number.NEGATIVE_INFINITY

  constructor(clockDriftMax: number) {
    this.#clockDriftMax = clockDriftMax
  }

  onAsked(now: Instant): void {
    this.#askedAt = now
  }

  /** Everything that a round begun at `askedAt` has confirmed is applied. */
  onApplied(askedAt: Instant): void {
    this.#provenAt = Math.max(this.#provenAt, askedAt)
  }

  /** In milliseconds, at most, even if this clock is slow by `clockDriftMax`; Infinity without a proof. */
  at(now: Instant): number {
    return (now - this.#provenAt) / (1 - this.#clockDriftMax)
  }

  /** Whether to begin a new round, so that reads with this limit need not wait for one soon. */
  isRenewalDue(now: Instant, maxStalenessMs: number): boolean {
    return this.at(now) > maxStalenessMs / 2 && now - this.#askedAt > maxStalenessMs / 2
  }
}

/** The heartbeat rounds of a leader and when each was sent, for read index and lease (thesis §6.4). */
import type { Instant } from '../types.ts'

/** At least this many rounds are remembered. Older ones may count as sent infinitely long ago. */
const ROUNDS_KEPT_MIN = 1024

export class HeartbeatRounds {
  /** The current round, sent with every message. */
  current = 0
  #sentAt: Instant[] = []

  begin(now: Instant): number {
    this.current++
    this.#sentAt.push(now)
    if (this.#sentAt.length > 2 * ROUNDS_KEPT_MIN) this.#sentAt.splice(0, this.#sentAt.length - ROUNDS_KEPT_MIN)
    return this.current
  }

  sentAt(round: number): Instant {
    const offset = this.#sentAt.length - 1 - (this.current - round)
    return this.#sentAt[offset] ?? -Infinity
  }
}

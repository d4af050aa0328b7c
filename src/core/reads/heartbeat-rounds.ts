/** The heartbeat rounds of a leader and when each was sent: what ReadIndex and the lease are measured by. */
import type { Instant } from '../types.ts'

/** Rounds remembered; an older one counts as sent infinitely long ago. */
const ROUNDS_MAX = 1024

export class HeartbeatRounds {
  /** The round in force; everything sent carries it. */
  current = 0
  #sentAt: Instant[] = []

  begin(now: Instant): number {
    this.current++
    this.#sentAt.push(now)
    if (this.#sentAt.length > 2 * ROUNDS_MAX) this.#sentAt.splice(0, this.#sentAt.length - ROUNDS_MAX)
    return this.current
  }

  sentAt(round: number): Instant {
    const offset = this.#sentAt.length - 1 - (this.current - round)
    return this.#sentAt[offset] ?? -Infinity
  }
}

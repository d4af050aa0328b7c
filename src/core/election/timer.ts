/** The randomized election timeout, and the time of the last contact from a leader (§5.2). */
import type { RaftOptions } from '../options.ts'
import type { Random } from '../random.ts'
import type { Instant } from '../types.ts'

export class ElectionTimer {
  readonly #options: RaftOptions
  readonly #random: Random
  /** When to campaign, unless a leader makes contact before. */
  deadline: Instant
  /** When a leader last made contact; -Infinity if never. */
  leaderContactAt: Instant = -Infinity

  constructor(options: RaftOptions, random: Random, now: Instant) {
    this.#options = options
    this.#random = random
    this.deadline = this.#randomDeadline(now)
  }

  restart(now: Instant): void {
    this.deadline = this.#randomDeadline(now)
  }

  onLeaderContact(now: Instant): void {
    this.leaderContactAt = now
    this.restart(now)
  }

  isDue(now: Instant): boolean {
    return now >= this.deadline
  }

  /** Whether a leader made contact within the minimum election timeout: no vote is granted then (thesis §4.2.3). */
  hasRecentLeaderContact(now: Instant): boolean {
    return now - this.leaderContactAt < this.#options.electionTimeoutMinMs
  }

  #randomDeadline(now: Instant): Instant {
    return now + this.#random.between(this.#options.electionTimeoutMinMs, this.#options.electionTimeoutMaxMs)
  }
}

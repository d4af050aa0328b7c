/** When to campaign, and how long the leader has been silent (§5.2). */
import type { RaftOptions } from '../options.ts'
import type { Random } from '../random.ts'
import type { Instant } from '../types.ts'

export class ElectionTimer {
  readonly #options: RaftOptions
  readonly #random: Random
  /** Campaign at this instant unless a leader is heard before. */
  deadline: Instant
  /** When a leader was last heard; -Infinity: never. */
  leaderContactAt: Instant = -Infinity

  constructor(options: RaftOptions, random: Random, now: Instant) {
    this.#options = options
    this.#random = random
    this.deadline = this.#randomDeadline(now)
    // A restarted node has forgotten whom it heard; a lease granted before may still run, so it must not vote yet (thesis §6.4.1).
    if (options.leaseReads) this.leaderContactAt = now
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

  /** Whether a leader was heard so lately that no other is wanted: no vote is given (thesis §4.2.3). */
  hasRecentLeaderContact(now: Instant): boolean {
    return now - this.leaderContactAt < this.#options.electionTimeoutMinMs
  }

  #randomDeadline(now: Instant): Instant {
    return now + this.#random.between(this.#options.electionTimeoutMinMs, this.#options.electionTimeoutMaxMs)
  }
}

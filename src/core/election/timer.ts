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
  heardAt: Instant = -Infinity

  constructor(options: RaftOptions, random: Random, now: Instant) {
    this.#options = options
    this.#random = random
    this.deadline = this.#drawn(now)
    // A restarted node has forgotten whom it heard; a lease granted before may still run, so it must not vote yet (thesis §6.4.1).
    if (options.leaseReads) this.heardAt = now
  }

  restart(now: Instant): void {
    this.deadline = this.#drawn(now)
  }

  hear(now: Instant): void {
    this.heardAt = now
    this.restart(now)
  }

  isDue(now: Instant): boolean {
    return now >= this.deadline
  }

  /** Whether a leader was heard so lately that no other is wanted: no vote is given (thesis §4.2.3). */
  isLeaderFresh(now: Instant): boolean {
    return now - this.heardAt < this.#options.electionTimeoutMinMs
  }

  #drawn(now: Instant): Instant {
    return now + this.#random.between(this.#options.electionTimeoutMinMs, this.#options.electionTimeoutMaxMs)
  }
}

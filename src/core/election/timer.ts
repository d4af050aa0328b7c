/** The randomized election timeout, and the time of the last contact from a leader (§5.2). */
import type { RaftOptions } from '../options.ts'
import type { Random } from '../random.ts'
import { RecentMax } from '../recent-max.ts'
import type { Instant } from '../types.ts'

/** A follower adapts to the longest gap between two contacts of its leader within one to two of these. */
const GAPS_MS = 60_000
/** An adapted timeout is at least this many times the longest gap. */
const GAPS_PER_TIMEOUT = 2
/** Of a new node: the first timeout is shortened by this, and each further one by half as much as the one before. */
const FIRST_DIVISOR = 8

export class ElectionTimer {
  readonly #options: RaftOptions
  readonly #random: Random
  /** When to campaign, unless a leader makes contact before. */
  deadline: Instant
  /** When a leader last made contact; -Infinity if never. */
  leaderContactAt: Instant = -Infinity
  readonly #gaps = new RecentMax(GAPS_MS)
  /** The last contact from which the next gap is measured: not across a pause of this node, nor from one leader to the next. */
  #gapFrom: Instant | undefined
  /** 1 for a whole timeout. */
  #divisor: number

  /**
   * A new node has heard no leader, and a new cluster has none: its nodes need not wait for one. A node that is new in an old cluster
   * disturbs no other with a pre-vote.
   */
  constructor(options: RaftOptions, random: Random, now: Instant, isNew: boolean) {
    this.#options = options
    this.#random = random
    this.#divisor = isNew && options.preVote ? FIRST_DIVISOR : 1
    this.deadline = this.#randomDeadline(now)
  }

  restart(now: Instant): void {
    this.#gapFrom = undefined
    this.deadline = this.#randomDeadline(now)
  }

  onLeaderContact(now: Instant): void {
    const isMeasured = this.#options.electionTimeoutLimitMs > 0
    if (isMeasured && this.#gapFrom !== undefined) this.#gaps.add(now, now - this.#gapFrom)
    this.restart(now)
    if (isMeasured) this.#gapFrom = now
    this.leaderContactAt = now
  }

  isDue(now: Instant): boolean {
    return now >= this.deadline
  }

  /** Whether a leader made contact within the minimum election timeout: no vote is granted then (thesis §4.2.3). */
  hasRecentLeaderContact(now: Instant): boolean {
    return now - this.leaderContactAt < this.#options.electionTimeoutMinMs
  }

  #randomDeadline(now: Instant): Instant {
    const { electionTimeoutMinMs: min, electionTimeoutMaxMs: max, electionTimeoutLimitMs: limit } = this.#options
    const adaptedMs = limit === 0 ? 0 : Math.min(GAPS_PER_TIMEOUT * this.#gaps.at(now) - min, limit - max)
    const timeoutMs = Math.ceil(this.#random.between(min, max) / this.#divisor)
    this.#divisor = Math.max(1, this.#divisor / 2)
    return now + Math.max(0, adaptedMs) + timeoutMs
  }
}

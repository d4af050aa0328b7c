/** The reads that a follower has forwarded to the leader and that have no response yet. */
import type { Random } from '../random.ts'
import type { Instant } from '../types.ts'

interface ForwardedRead {
  /** The number in the caller's `read` input. */
  readonly read: number
  readonly deadline: Instant
}

export class ForwardedReads {
  /** By ticket. Invariant: deadlines never decrease in insertion order. */
  readonly #reads = new Map<number, ForwardedRead>()
  /** Starts at a number drawn from the seed: a response to a read from before a restart must not complete a read of this process. */
  #nextTicket: number

  constructor(random: Random) {
    this.#nextTicket = random.between(0, 2 ** 31) * 2 ** 20
  }

  get length(): number {
    return this.#reads.size
  }

  /** Returns the ticket: the number of the ReadIndexRequest. */
  add(read: number, deadline: Instant): number {
    const ticket = this.#nextTicket++
    this.#reads.set(ticket, { read, deadline })
    return ticket
  }

  /** Removes a read and returns the caller's number, or undefined if it is not pending. */
  take(ticket: number): number | undefined {
    const read = this.#reads.get(ticket)?.read
    this.#reads.delete(ticket)
    return read
  }

  /** Removes the reads whose deadline has passed and returns the callers' numbers. */
  takeExpired(now: Instant): number[] {
    const due: number[] = []
    for (const [ticket, { read, deadline }] of this.#reads) {
      if (deadline > now) break
      due.push(read)
      this.#reads.delete(ticket)
    }
    return due
  }

  /** Removes all reads and returns the callers' numbers. */
  drain(): number[] {
    const all = [...this.#reads.values()].map(({ read }) => read)
    this.#reads.clear()
    return all
  }

  get nextDeadline(): Instant {
    for (const { deadline } of this.#reads.values()) return deadline
    return Infinity
  }
}

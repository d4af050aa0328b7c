/** Reads a follower has asked the leader about, until they are answered or given up. */
import type { Random } from '../random.ts'
import type { Instant } from '../types.ts'

interface ForwardedRead {
  /** The caller's number. */
  readonly read: number
  readonly deadline: Instant
}

export class ForwardedReads {
  /** By ticket; deadlines rise in insertion order. */
  readonly #reads = new Map<number, ForwardedRead>()
  /** Tickets are this life's own: an answer to an earlier life of this node must not answer a read of this one. */
  #nextTicket: number

  constructor(random: Random) {
    this.#nextTicket = random.between(0, 2 ** 31) * 2 ** 20
  }

  get length(): number {
    return this.#reads.size
  }

  /** Returns the ticket the leader is asked with. */
  add(read: number, deadline: Instant): number {
    const ticket = this.#nextTicket++
    this.#reads.set(ticket, { read, deadline })
    return ticket
  }

  /** The caller's number, if it was still waited for. */
  take(ticket: number): number | undefined {
    const read = this.#reads.get(ticket)?.read
    this.#reads.delete(ticket)
    return read
  }

  takeExpired(now: Instant): number[] {
    const due: number[] = []
    for (const [ticket, { read, deadline }] of this.#reads) {
      if (deadline > now) break
      due.push(read)
      this.#reads.delete(ticket)
    }
    return due
  }

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

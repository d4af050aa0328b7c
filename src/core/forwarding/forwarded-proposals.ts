/** The proposals that a follower has forwarded to the leader and that have no response yet. */
import type { ProposeRequest } from '../messages.ts'
import type { Random } from '../random.ts'
import type { Instant } from '../types.ts'

/** A proposal as it is forwarded, without the term, the origin and the lowest ticket. */
export type ForwardedProposal = Pick<ProposeRequest, 'count' | 'size' | 'checksum' | 'payload'> & {
  /** The number in the caller's `propose` input. */
  readonly proposal: number
}

export class ForwardedProposals {
  /** Drawn from the seed: the tickets of this process are not those of the process before a restart. */
  readonly origin: number
  /** By ticket, in ascending order. */
  readonly #pending = new Map<number, ForwardedProposal>()
  #nextTicket = 1
  /** The size of the pending ones. */
  bytes = 0
  /** When the pending ones are sent again; Infinity if there are none. */
  resendAt: Instant = Infinity

  constructor(random: Random) {
    this.origin = random.between(1, 2 ** 31) * 2 ** 21 + random.between(0, 2 ** 21)
  }

  /** The lowest pending ticket: the leader may forget those below it. */
  get lowest(): number {
    for (const ticket of this.#pending.keys()) return ticket
    return this.#nextTicket
  }

  /** The tickets from the lowest pending one on, answered or not: as many as the leader has to remember. */
  get window(): number {
    return this.#nextTicket - this.lowest
  }

  /** Returns the ticket: the number of the ProposeRequest. */
  add(proposal: ForwardedProposal): number {
    const ticket = this.#nextTicket++
    this.#pending.set(ticket, proposal)
    this.bytes += proposal.size
    return ticket
  }

  /** Removes a proposal and returns the caller's number, or undefined if it is not pending. */
  take(origin: number, ticket: number): number | undefined {
    if (origin !== this.origin) return undefined
    const pending = this.#pending.get(ticket)
    if (pending === undefined) return undefined
    this.#pending.delete(ticket)
    this.bytes -= pending.size
    if (this.#pending.size === 0) this.resendAt = Infinity
    return pending.proposal
  }

  /** The messages may be lost. */
  resendNow(): void {
    if (this.#pending.size > 0) this.resendAt = -Infinity
  }

  pending(): Iterable<readonly [ticket: number, proposal: ForwardedProposal]> {
    return this.#pending
  }

  /** Removes all proposals and returns the callers' numbers. */
  drain(): number[] {
    const all = [...this.#pending.values()].map(({ proposal }) => proposal)
    this.#pending.clear()
    this.bytes = 0
    this.resendAt = Infinity
    return all
  }
}

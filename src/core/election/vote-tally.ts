/** Who voted how in one election: voters are counted, never votes, so a duplicated message changes nothing. */
import { electionResult } from '../membership/quorum.ts'
import type { Membership, NodeId } from '../types.ts'

export class VoteTally {
  readonly #votes = new Map<NodeId, boolean>()

  /** The first word of a voter stands. */
  record(voter: NodeId, isGranted: boolean): void {
    if (!this.#votes.has(voter)) this.#votes.set(voter, isGranted)
  }

  hasVoted(voter: NodeId): boolean {
    return this.#votes.has(voter)
  }

  result(membership: Membership): 'won' | 'lost' | 'open' {
    return electionResult(membership, (id) => {
      const vote = this.#votes.get(id)
      return vote === undefined ? 'open' : vote ? 'granted' : 'refused'
    })
  }
}

/** Counts the votes of one election, one per voter, so that duplicate messages have no effect. */
import { electionResult } from '../membership/quorum.ts'
import type { Membership, NodeId } from '../types.ts'

export class VoteTally {
  readonly #votes = new Map<NodeId, boolean>()

  /** Records a vote. The first response of each voter counts. */
  record(voter: NodeId, isGranted: boolean): void {
    if (!this.#votes.has(voter)) this.#votes.set(voter, isGranted)
  }

  hasVoted(voter: NodeId): boolean {
    return this.#votes.has(voter)
  }

  result(membership: Membership): 'won' | 'lost' | 'open' {
    return electionResult(membership, (id) => {
      const vote = this.#votes.get(id)
      return vote === undefined ? 'open' : vote ? 'granted' : 'denied'
    })
  }
}

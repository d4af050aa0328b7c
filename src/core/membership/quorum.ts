/** Counts voters: quorums of simple and joint memberships (thesis §4.3). */
import type { Membership, NodeId } from '../types.ts'

/**
 * Returns the greatest value that a quorum has reached, where each voter has reached `reachedBy(id)`. A joint membership needs both
 * halves, so the lower value counts. Without voters the result is -Infinity.
 */
export function quorumValue(membership: Membership, reachedBy: (id: NodeId) => number): number {
  const incoming = majorityValue(membership.voters, reachedBy)
  if (membership.outgoing.length === 0) return incoming
  return Math.min(incoming, majorityValue(membership.outgoing, reachedBy))
}

/** In use during a call only: every step of a leader counts quorums, and should allocate nothing for it. */
const values: number[] = []

function majorityValue(voters: readonly NodeId[], reachedBy: (id: NodeId) => number): number {
  if (voters.length === 0) return -Infinity
  // There are few voters: an insertion sort in descending order.
  let count = 0
  for (const id of voters) {
    const value = reachedBy(id)
    let place = count++
    while (place > 0 && (values[place - 1] as number) < value) {
      values[place] = values[place - 1] as number
      place--
    }
    values[place] = value
  }
  return values[count >> 1] as number
}

/** Whether the voters for which `isIn` holds are a quorum. */
export function isQuorum(membership: Membership, isIn: (id: NodeId) => boolean): boolean {
  return quorumValue(membership, (id) => (isIn(id) ? 1 : 0)) === 1
}

/** Whether this node is a quorum by itself. */
export function isOnlyVoter({ id, membership }: { readonly id: NodeId; readonly membership: Membership }): boolean {
  return isQuorum(membership, (voter) => voter === id)
}

/** The result of an election: won with a quorum of granted votes, lost once such a quorum is impossible, otherwise open. */
export function electionResult(
  membership: Membership,
  voteOf: (id: NodeId) => 'granted' | 'denied' | 'open',
): 'won' | 'lost' | 'open' {
  if (isQuorum(membership, (id) => voteOf(id) === 'granted')) return 'won'
  return isQuorum(membership, (id) => voteOf(id) !== 'denied') ? 'open' : 'lost'
}

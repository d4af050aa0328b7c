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

/** Every step of a leader counts quorums, and there are few voters: comparing each with all needs no memory. */
function majorityValue(voters: readonly NodeId[], reachedBy: (id: NodeId) => number): number {
  let greatest = -Infinity
  for (const id of voters) {
    const value = reachedBy(id)
    if (value <= greatest) continue
    let count = 0
    for (const other of voters) if (reachedBy(other) >= value) count++
    if (2 * count > voters.length) greatest = value
  }
  return greatest
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

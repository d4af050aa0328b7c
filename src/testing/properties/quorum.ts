/** What a quorum is, said once more and without the core: the judges must not share its mistakes. */
import type { Membership, NodeId } from '../../core/types.ts'

/** Whether these nodes are a majority of the voters; of a joint membership, of both halves. Learners never count. */
export function isQuorum(membership: Membership, nodes: ReadonlySet<NodeId>): boolean {
  const { voters, outgoing } = membership
  return isMajority(voters, nodes) && (outgoing.length === 0 || isMajority(outgoing, nodes))
}

function isMajority(voters: readonly NodeId[], nodes: ReadonlySet<NodeId>): boolean {
  let count = 0
  for (const voter of voters) if (nodes.has(voter)) count++
  return 2 * count > voters.length
}

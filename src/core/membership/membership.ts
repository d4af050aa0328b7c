/** Functions on memberships. `change.ts` computes new ones. */
import type { Member, Membership, NodeId } from '../types.ts'

/** The initial membership of a node that joins an existing cluster. */
export const EMPTY_MEMBERSHIP: Membership = { members: [], voters: [], outgoing: [], learners: [] }

/** The initial membership of a new cluster, by node id and address: all nodes are voters. */
export function bootstrapMembership(addresses: Readonly<Record<NodeId, string>>): Membership {
  const ids = Object.keys(addresses).sort()
  const members = ids.map((id) => ({
    id,
    address: addresses[id] as string,
    directoryId: '',
    addedAt: 0,
    promote: false,
  }))
  return { members, voters: ids, outgoing: [], learners: [] }
}

/** Whether decisions need two majorities (thesis §4.3). */
export function isJoint(membership: Membership): boolean {
  return membership.outgoing.length > 0
}

/** Whether a node is a voter, of either half, or a learner. */
export function isMember(membership: Membership, id: NodeId): boolean {
  return memberOf(membership, id) !== undefined
}

/** Whether a node is a voter of either half. */
export function isVoter(membership: Membership, id: NodeId): boolean {
  return membership.voters.includes(id) || membership.outgoing.includes(id)
}

export function memberOf(membership: Membership, id: NodeId): Member | undefined {
  return membership.members.find((member) => member.id === id)
}

/** Why a membership is invalid, or undefined. The empty membership is valid: a joining node starts with it. */
export function membershipProblem({ members, voters, outgoing, learners }: Membership): string | undefined {
  const ids = members.map(({ id }) => id)
  if (hasDuplicates(ids)) return 'a member appears twice'
  for (const list of [voters, outgoing, learners]) {
    if (hasDuplicates(list)) return 'a voter or learner appears twice'
    const unknown = list.find((id) => !ids.includes(id))
    if (unknown !== undefined) return `${unknown} is not a member`
  }
  if (learners.some((id) => voters.includes(id))) return 'a learner is also a voter'
  if (voters.length === 0 && ids.length > 0) return 'there are no voters'
  return undefined
}

function hasDuplicates(ids: readonly NodeId[]): boolean {
  return new Set(ids).size < ids.length
}

/** The voters of both halves, once each, sorted. */
export function allVoters(membership: Membership): readonly NodeId[] {
  if (!isJoint(membership)) return membership.voters
  return [...new Set([...membership.voters, ...membership.outgoing])].sort()
}

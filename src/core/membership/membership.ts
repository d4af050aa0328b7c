/** Questions one may ask a membership. It is a value; `change.ts` makes new ones. */
import type { Member, Membership, NodeId } from '../types.ts'

/** Nobody yet: what a joining node starts with. */
export const EMPTY_MEMBERSHIP: Membership = { members: [], voters: [], outgoing: [], learners: [] }

/** The membership of a new cluster: all voters, none seen yet. */
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

export function isJoint(membership: Membership): boolean {
  return membership.outgoing.length > 0
}

export function isMember(membership: Membership, id: NodeId): boolean {
  return memberOf(membership, id) !== undefined
}

/** A voter of either half. */
export function isVoter(membership: Membership, id: NodeId): boolean {
  return membership.voters.includes(id) || membership.outgoing.includes(id)
}

export function memberOf(membership: Membership, id: NodeId): Member | undefined {
  return membership.members.find((member) => member.id === id)
}

/** What makes a value no membership at all, or undefined. Of nobody it is none: that is how a joining node begins. */
export function membershipProblem({ members, voters, outgoing, learners }: Membership): string | undefined {
  const ids = members.map(({ id }) => id)
  if (hasDuplicates(ids)) return 'a member is named twice'
  for (const list of [voters, outgoing, learners]) {
    if (hasDuplicates(list)) return 'a voter or learner is named twice'
    const unknown = list.find((id) => !ids.includes(id))
    if (unknown !== undefined) return `${unknown} is no member`
  }
  if (learners.some((id) => voters.includes(id))) return 'a learner votes'
  if (voters.length === 0 && ids.length > 0) return 'nobody votes'
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

/** From one membership to the next: value in, value out, or a reason why not. One voter at a time is simple, more go through joint. */
import type { MembershipChange } from '../inputs.ts'
import type { LogIndex, Member, Membership, NodeId } from '../types.ts'
import { isJoint, memberOf } from './membership.ts'

export type ChangeResult =
  | { readonly type: 'changed'; readonly membership: Membership }
  | { readonly type: 'refused'; readonly detail: string }

/** The membership that `change` asks for, to be appended at `index`. Joint if more than one voter comes or goes. */
export function applyChange(current: Membership, change: MembershipChange, index: LogIndex): ChangeResult {
  const problem = changeProblem(current, change)
  if (problem !== undefined) return { type: 'refused', detail: problem }
  const members = new Map(current.members.map((member) => [member.id, member]))
  const voters = new Set(current.voters)
  const learners = new Set(current.learners)
  for (const { id, address, promote } of change.add ?? []) {
    members.set(id, { id, address, directoryId: '', addedAt: index, promote: promote ?? false })
    learners.add(id)
  }
  for (const { id, address } of change.move ?? []) members.set(id, { ...(members.get(id) as Member), address })
  for (const id of change.promote ?? []) {
    members.set(id, { ...(members.get(id) as Member), promote: false })
    learners.delete(id)
    voters.add(id)
  }
  for (const id of change.demote ?? []) {
    voters.delete(id)
    learners.add(id)
  }
  for (const id of change.remove ?? []) {
    voters.delete(id)
    learners.delete(id)
  }
  if (voters.size === 0) return { type: 'refused', detail: 'it would leave no voter' }
  const isSingleVoterChange = symmetricDifference(current.voters, voters) <= 1
  const next = {
    members: [...members.values()],
    voters: [...voters],
    outgoing: isSingleVoterChange ? [] : current.voters,
    learners: [...learners],
  }
  return { type: 'changed', membership: normalized(next) }
}

/** Out of a joint membership: the incoming half alone. */
export function leaveJoint(joint: Membership): Membership {
  return normalized({ ...joint, outgoing: [] })
}

/** With the directory ids seen at first contacts bound; the same object if there is nothing to bind. */
export function bindDirectoryIds(current: Membership, seen: ReadonlyMap<NodeId, string>): Membership {
  const needsBinding = (member: Member): boolean => member.directoryId === '' && (seen.get(member.id) ?? '') !== ''
  if (!current.members.some(needsBinding)) return current
  const members = current.members.map((member) =>
    needsBinding(member) ? { ...member, directoryId: seen.get(member.id) as string } : member,
  )
  return { ...current, members }
}

function changeProblem(current: Membership, change: MembershipChange): string | undefined {
  if (isJoint(current)) return 'the membership is joint'
  const ids = [
    ...(change.add ?? []).map(({ id }) => id),
    ...(change.promote ?? []),
    ...(change.demote ?? []),
    ...(change.remove ?? []),
    ...(change.move ?? []).map(({ id }) => id),
  ]
  if (ids.length === 0) return 'it changes nothing'
  const duplicate = ids.find((id, offset) => ids.indexOf(id) !== offset)
  if (duplicate !== undefined) return `it names ${duplicate} twice`
  for (const { id, address } of change.add ?? []) {
    if (id === '' || address === '') return 'a new member needs an id and an address'
    if (memberOf(current, id) !== undefined) return `${id} is a member already`
  }
  for (const { id, address } of change.move ?? []) {
    if (memberOf(current, id) === undefined) return `${id} is not a member`
    if (address === '') return `${id} cannot be reached at no address`
  }
  for (const id of change.promote ?? []) if (!current.learners.includes(id)) return `${id} is not a learner`
  for (const id of change.demote ?? []) if (!current.voters.includes(id)) return `${id} is not a voter`
  for (const id of change.remove ?? []) if (memberOf(current, id) === undefined) return `${id} is not a member`
  return addressProblem(current, change)
}

/** Nobody comes to where somebody stays. */
function addressProblem(
  current: Membership,
  { add = [], move = [], remove = [] }: MembershipChange,
): string | undefined {
  const addresses = new Map(current.members.map(({ id, address }) => [id, address]))
  for (const { id, address } of [...add, ...move]) addresses.set(id, address)
  for (const id of remove) addresses.delete(id)
  for (const { id, address } of [...add, ...move]) {
    for (const [other, otherAddress] of addresses) {
      if (other !== id && otherAddress === address) return `${other} and ${id} would both be at ${address}`
    }
  }
  return undefined
}

function symmetricDifference(before: readonly NodeId[], after: ReadonlySet<NodeId>): number {
  const kept = before.filter((id) => after.has(id)).length
  return before.length - kept + (after.size - kept)
}

/** Sorted, and without members that are in no list. */
function normalized(membership: Membership): Membership {
  const voters = [...membership.voters].sort()
  const outgoing = [...membership.outgoing].sort()
  const learners = [...membership.learners].sort()
  const named = new Set([...voters, ...outgoing, ...learners])
  const members = membership.members
    .filter(({ id }) => named.has(id))
    .sort((one, other) => (one.id < other.id ? -1 : 1))
  return { members, voters, outgoing, learners }
}

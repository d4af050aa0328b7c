/** Computes new memberships. A change of one voter takes one step; a change of more voters goes through a joint membership. */
import type { MembershipChange } from '../inputs.ts'
import type { Boot, LogIndex, Member, MemberMetadata, Membership, NodeId } from '../types.ts'
import { isJoint } from './membership.ts'

/** Of a peer that says nothing of itself. */
export const NO_METADATA: MemberMetadata = {}

/** What a connected peer has sent in its handshake. */
export interface SeenPeer {
  readonly directoryId: string
  /** Undefined if it does not count them. */
  readonly boot?: Boot | undefined
  readonly metadata?: MemberMetadata | undefined
}

export type ChangeResult =
  | { readonly type: 'changed'; readonly membership: Membership }
  | { readonly type: 'rejected'; readonly detail: string }

/** Returns the changed membership, to be appended at `index`, or why the change is invalid. Joint if more than one voter changes. */
export function applyChange(current: Membership, requested: MembershipChange, index: LogIndex): ChangeResult {
  const change = withPromotedNewcomers(requested)
  const problem = changeProblem(current, change)
  if (problem !== undefined) return { type: 'rejected', detail: problem }
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
  if (voters.size === 0) return { type: 'rejected', detail: 'there would be no voters' }
  const isSingleVoterChange = symmetricDifference(current.voters, voters) <= 1
  const next = {
    members: [...members.values()],
    voters: [...voters],
    outgoing: isSingleVoterChange ? [] : current.voters,
    learners: [...learners],
  }
  return { type: 'changed', membership: normalized(next) }
}

/** A newcomer that is also named in `promote` is a learner that the leader promotes once it has caught up. */
function withPromotedNewcomers(change: MembershipChange): MembershipChange {
  const { add = [], promote = [] } = change
  const isNewcomer = (id: NodeId): boolean => add.some((added) => added.id === id)
  if (!promote.some(isNewcomer)) return change
  return {
    ...change,
    add: add.map((added) => (promote.includes(added.id) ? { ...added, promote: true } : added)),
    promote: promote.filter((id) => !isNewcomer(id)),
  }
}

/** Returns the incoming half of a joint membership. */
export function leaveJoint(joint: Membership): Membership {
  return normalized({ ...joint, outgoing: [] })
}

/**
 * Records the directory ids of members that have none yet, the boots that are newer than the recorded ones, and changed metadata; returns the
 * same object if there is nothing to record.
 */
export function recordSeenPeers(current: Membership, seen: ReadonlyMap<NodeId, SeenPeer>): Membership {
  // Called in every step of a leader, and nearly always there is nothing to record.
  for (const member of current.members)
    if (bindMember(member, seen) !== member)
      return { ...current, members: current.members.map((each) => bindMember(each, seen)) }
  return current
}

function bindMember(member: Member, peers: ReadonlyMap<NodeId, SeenPeer>): Member {
  const { directoryId: seen = '', boot, metadata }: Partial<SeenPeer> = peers.get(member.id) ?? {}
  if (seen === '') return member
  const bound = member.directoryId === '' ? { ...member, directoryId: seen } : member
  if (bound.directoryId !== seen) return bound
  const isNewer = boot !== undefined && boot.number > (member.boot?.number ?? 0)
  const booted = isNewer ? { ...bound, boot } : bound
  if (metadata === undefined || isSame(metadata, member.metadata)) return booted
  return { ...booted, metadata: metadata === NO_METADATA ? undefined : metadata }
}

/** Called in every step of a leader: members without metadata, and those whose metadata this leader has recorded, need no comparison of texts. */
function isSame(one: MemberMetadata, other: MemberMetadata | undefined): boolean {
  if (one === (other ?? NO_METADATA)) return true
  const names = Object.keys(one)
  return names.length === Object.keys(other ?? {}).length && names.every((name) => one[name] === other?.[name])
}

/** Records which members' directories have lost entries; returns the same object if that is recorded already. */
export function recordLostEntries(current: Membership, hasLost: (id: NodeId) => boolean): Membership {
  if (current.members.every(({ id, hasLostEntries }) => hasLostEntries === true || !hasLost(id))) return current
  const members = current.members.map((member) => (hasLost(member.id) ? { ...member, hasLostEntries: true } : member))
  return { ...current, members }
}

/**
 * Gives members new addresses; returns the same object if there is nothing to record. An address that another member keeps is not
 * recorded, nor that of a member whose data directory is not known.
 */
export function moveMembers(current: Membership, addressOf: (id: NodeId) => string | undefined): Membership {
  const hasMoved = ({ id, address, directoryId }: Member): boolean =>
    directoryId !== '' && (addressOf(id) ?? address) !== address
  if (!current.members.some(hasMoved)) return current
  const moves = current.members.filter(hasMoved)
  const next = new Map<NodeId, string>(current.members.map(({ id, address }) => [id, address]))
  for (const { id } of moves) next.set(id, addressOf(id) as string)
  // Each pass undoes the moves to an address that another member has; that may bring back the address of a third.
  for (let hasConflict = true; hasConflict; ) {
    const conflict = moves.find(
      ({ id, address }) =>
        next.get(id) !== address && [...next].some(([other, taken]) => other !== id && taken === next.get(id)),
    )
    hasConflict = conflict !== undefined
    if (conflict !== undefined) next.set(conflict.id, conflict.address)
  }
  if (moves.every(({ id, address }) => next.get(id) === address)) return current
  const members = current.members.map((member) => ({ ...member, address: next.get(member.id) as string }))
  return { ...current, members }
}

function changeProblem(current: Membership, change: MembershipChange): string | undefined {
  if (isJoint(current)) return 'the membership is joint'
  const { add = [], promote = [], demote = [], remove = [], move = [] } = change
  const moved = move.map(({ id }) => id)
  const ids = [...add.map(({ id }) => id), ...promote, ...demote, ...remove, ...moved]
  if (ids.length === 0) return 'the change is empty'
  const duplicate = ids.find((id, offset) => ids.indexOf(id) !== offset)
  if (duplicate !== undefined) return `${duplicate} appears twice in the change`
  const members = current.members.map(({ id }) => id)
  for (const { id, address } of add) {
    if (id === '' || address === '') return 'a new member needs an id and an address'
    if (members.includes(id)) return `${id} is already a member`
  }
  for (const [named, known, what] of [
    [moved, members, 'member'],
    [promote, current.learners, 'learner'],
    [demote, current.voters, 'voter'],
    [remove, members, 'member'],
  ] as const)
    for (const id of named) if (!known.includes(id)) return `${id} is not a ${what}`
  for (const { id, address } of move) if (address === '') return `the new address of ${id} is empty`
  return addressProblem(current, change)
}

/** Rejects an address that another member keeps. */
function addressProblem(
  current: Membership,
  { add = [], move = [], remove = [] }: MembershipChange,
): string | undefined {
  const addresses = new Map(current.members.map(({ id, address }) => [id, address]))
  for (const { id, address } of [...add, ...move]) addresses.set(id, address)
  for (const id of remove) addresses.delete(id)
  for (const { id, address } of [...add, ...move]) {
    for (const [other, otherAddress] of addresses) {
      if (other !== id && otherAddress === address) return `${other} and ${id} would have the same address ${address}`
    }
  }
  return undefined
}

function symmetricDifference(before: readonly NodeId[], after: ReadonlySet<NodeId>): number {
  const kept = before.filter((id) => after.has(id)).length
  return before.length - kept + (after.size - kept)
}

/** Sorts all lists and drops members that are neither voters nor learners. */
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

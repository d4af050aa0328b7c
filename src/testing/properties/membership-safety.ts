/** §6 and thesis §4: memberships follow each other so that no two quorums can be apart. */
import type { Membership, NodeId } from '../../core/types.ts'
import type { NodeView } from './cluster-view.ts'
import type { DurableWrite } from './observation.ts'
import type { Property } from './property.ts'

export const membershipSafety: Property = {
  id: 'I13',
  name: 'membership safety',
  promise:
    'A leader appends a membership only once the one before it and an entry of its own term are committed, and any two successive ones share a voter in every pair of quorums; every node goes by the membership of its log, and its snapshots say that of their index.',
  watch(view) {
    const latest = new Map<NodeId, { readonly index: number; readonly membership: Membership }>()
    return (observation) => {
      if (observation.type === 'started') latest.delete(observation.node)
      if (observation.type === 'durable') return snapshotMismatch(view.node(observation.node), observation.write)
      if (observation.type !== 'stepped' || observation.status.stopped !== undefined) return undefined
      const { node, status, effects } = observation
      const { log } = view.node(node)
      const now = log.membership
      const earlier = latest.get(node)
      latest.set(node, now)
      if (status.membershipIndex !== now.index)
        return `${node} goes by the membership of index ${status.membershipIndex}, but the latest in its log is of ${now.index}.`
      if (formatMembership(status.membership) !== formatMembership(now.membership))
        return `${node} goes by ${formatMembership(status.membership)}, but its log says ${formatMembership(now.membership)} at ${now.index}.`
      const own = effects.persist?.blocks.find(({ kind, term }) => kind === 'membership' && term === status.term)
      if (own?.membership === undefined || status.role !== 'leader' || earlier === undefined) return undefined
      if (earlier.index > status.commitIndex)
        return `${node} appended a membership at ${own.first} before the one at ${earlier.index} was committed.`
      if (log.termAt(status.commitIndex) !== status.term)
        return `${node} appended a membership at ${own.first} before it had committed an entry of its term ${status.term}.`
      if (!isValidSuccessor(earlier.membership, own.membership))
        return `the membership at ${own.first} (${formatMembership(own.membership)}) may not follow ${formatMembership(earlier.membership)}.`
      return undefined
    }
  },
}

/** A snapshot names the membership that was in force where it was taken: what came later may yet be taken back. */
function snapshotMismatch({ id, log }: NodeView, { snapshot }: DurableWrite): string | undefined {
  if (snapshot === undefined || snapshot.resetLog) return undefined
  const { index, membership } = snapshot.info
  const known = log.membershipAt(index)
  if (known === undefined || formatMembership(known) === formatMembership(membership)) return undefined
  return `the snapshot of ${id} at ${index} says ${formatMembership(membership)}, but its log says ${formatMembership(known)} there.`
}

/** Into joint: the old voters go out. Out of joint: the incoming ones stay. Simple: one voter more or less, or none. */
function isValidSuccessor(from: Membership, to: Membership): boolean {
  if (to.outgoing.length > 0) return from.outgoing.length === 0 && hasSameMembers(from.voters, to.outgoing)
  if (from.outgoing.length > 0) return hasSameMembers(from.voters, to.voters)
  const added = to.voters.filter((id) => !from.voters.includes(id))
  const removed = from.voters.filter((id) => !to.voters.includes(id))
  return added.length + removed.length <= 1
}

function hasSameMembers(a: readonly NodeId[], b: readonly NodeId[]): boolean {
  return a.length === b.length && a.every((id) => b.includes(id))
}

function formatMembership({ voters, outgoing, learners }: Membership): string {
  const out = outgoing.length === 0 ? '' : ` out of ${outgoing}`
  return `voters ${voters}${out}${learners.length === 0 ? '' : ` learners ${learners}`}`
}

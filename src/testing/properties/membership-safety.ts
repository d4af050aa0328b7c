/** Safe membership changes (§6, thesis §4): every quorum of a membership intersects every quorum of the next. */
import type { Membership, NodeId } from '../../core/types.ts'
import type { NodeView } from './cluster-view.ts'
import type { DurableWrite } from './observation.ts'
import type { Property } from './property.ts'

export const membershipSafety: Property = {
  id: 'I13',
  name: 'membership safety',
  statement:
    'A leader appends a membership only after it has committed the previous one and an entry of its own term. Every quorum of a membership intersects every quorum of the next. Every node uses the latest membership in its log, and a snapshot has the membership at its index.',
  observes: ['durable', 'started', 'stepped'],
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
        return `${node} uses the membership at index ${status.membershipIndex}, but the latest in its log is at ${now.index}.`
      if (formatMembership(status.membership) !== formatMembership(now.membership))
        return `${node} uses ${formatMembership(status.membership)}, but its log has ${formatMembership(now.membership)} at ${now.index}.`
      const appended = effects.persist?.blocks.find(({ kind, term }) => kind === 'membership' && term === status.term)
      if (appended?.membership === undefined || status.role !== 'leader' || earlier === undefined) return undefined
      if (earlier.index > status.commitIndex)
        return `${node} appended a membership at ${appended.first} before the one at ${earlier.index} was committed.`
      if (log.termAt(status.commitIndex) !== status.term)
        return `${node} appended a membership at ${appended.first} before it had committed an entry of its term ${status.term}.`
      if (!isValidSuccessor(earlier.membership, appended.membership))
        return `the membership at ${appended.first} (${formatMembership(appended.membership)}) may not follow ${formatMembership(earlier.membership)}.`
      return undefined
    }
  },
}

/** A snapshot must have the membership at its index: a later one may still be truncated. */
function snapshotMismatch({ id, log }: NodeView, { snapshot }: DurableWrite): string | undefined {
  if (snapshot === undefined || snapshot.resetLog) return undefined
  const { index, membership } = snapshot.info
  const known = log.membershipAt(index)
  if (known === undefined || formatMembership(known) === formatMembership(membership)) return undefined
  return `the snapshot of ${id} at index ${index} has ${formatMembership(membership)}, but its log has ${formatMembership(known)} there.`
}

/**
 * To a joint membership: the old voters become the outgoing half. From a joint membership: the incoming half stays. Otherwise at most
 * one voter is added or removed.
 */
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

/** Asked at each step of each node, and the same for most of a run. */
const formatted = new WeakMap<Membership, string>()

function formatMembership(membership: Membership): string {
  let text = formatted.get(membership)
  if (text === undefined) {
    const { voters, outgoing, learners } = membership
    const out = outgoing.length === 0 ? '' : ` outgoing ${outgoing}`
    text = `voters ${voters}${out}${learners.length === 0 ? '' : ` learners ${learners}`}`
    formatted.set(membership, text)
  }
  return text
}

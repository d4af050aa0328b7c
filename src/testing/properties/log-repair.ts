/** The conflict hint (§5.3): "one AppendEntries RPC will be required for each term with conflicting entries, rather than one RPC per entry". */
import type { Input } from '../../core/inputs.ts'
import type { PeerStatus, RaftStatus } from '../../core/status.ts'
import type { LogIndex, NodeId, Term } from '../../core/types.ts'
import type { Property } from './property.ts'
import type { ReferenceLog } from './reference-log.ts'

/** Rounds allowed in addition to one per conflicting term: one for a log that is only shorter, and one spare. */
const EXTRA_ROUNDS_MAX = 2

/** A leader's search for the last entry that one follower's log has in common with its own. */
interface Repair {
  /** The `Member.addedAt` of the follower: it changes if the follower is removed and added again. */
  readonly session: LogIndex
  /** Rejections that the leader acted on since the follower last accepted an append. */
  rounds: number
  /** The largest number of conflicting terms so far: a late rejection may still refer to it. */
  conflicts: number
}

/** A follower's rejection of an AppendEntries request. */
interface Rejection {
  readonly from: NodeId
  /** The index of the entry that did not match. */
  readonly index: LogIndex
  readonly session: LogIndex
}

export const logRepair: Property = {
  id: 'L4',
  name: 'a log is repaired in few rounds',
  statement:
    "A leader finds the last entry that a follower's log has in common with its own in at most two rounds more than that log has conflicting terms.",
  observes: ['started', 'stepped'],
  watch(view) {
    const repairsByLeader = new Map<NodeId, Map<NodeId, Repair>>()
    return (observation) => {
      if (observation.type === 'started') {
        repairsByLeader.delete(observation.node)
        // The restarted node may have lost unsynced entries, so the search starts again.
        for (const repairs of repairsByLeader.values()) resetRounds(repairs.get(observation.node))
      }
      if (observation.type !== 'stepped') return undefined
      const { node: id, inputs, status } = observation
      const { before, log } = view.node(id)
      if (status.role !== 'leader' || before?.role !== 'leader' || before.term !== status.term) {
        repairsByLeader.delete(id)
        return undefined
      }
      const rejections = rejectionsIn(inputs, status.term)
      // A fast path: this check runs after every step.
      if (rejections.length === 0 && !repairsByLeader.has(id)) return undefined
      const repairs = repairsByLeader.get(id) ?? new Map<NodeId, Repair>()
      for (const peer of new Set(
        rejections.filter((one) => countsAsRound(one, before, status)).map(({ from }) => from),
      )) {
        repairsByLeader.set(id, repairs)
        const repair = repairOf(repairs, peer, sessionOf(peer, status))
        repair.rounds++
        repair.conflicts = Math.max(repair.conflicts, termsInConflict(view.node(peer).log, log))
        if (repair.rounds > repair.conflicts + EXTRA_ROUNDS_MAX)
          return `${id} needed ${repair.rounds} rounds for ${peer}, whose log had ${repair.conflicts} conflicting terms.`
      }
      for (const [peer, repair] of repairs) if (hasAccepted(peer, before, status)) resetRounds(repair)
      return undefined
    }
  },
}

const NONE: readonly Rejection[] = []

/** The rejections of this term. */
function rejectionsIn(inputs: readonly Input[], term: Term): readonly Rejection[] {
  let rejections: Rejection[] | undefined
  for (const input of inputs) {
    if (input.type !== 'receive') continue
    const { from, message } = input
    if (message.type !== 'AppendEntriesResponse' || message.isAccepted || message.term !== term) continue
    rejections ??= []
    rejections.push({ from, index: message.index, session: message.session })
  }
  return rejections ?? NONE
}

/** Whether the leader acted on the rejection: it answers the current probe or lowered the next index. Late duplicates do neither. */
function countsAsRound({ from, index, session }: Rejection, before: RaftStatus, after: RaftStatus): boolean {
  const earlier = peerOf(from, before)
  const later = peerOf(from, after)
  if (earlier === undefined || later === undefined || earlier.state === 'snapshot' || index <= earlier.matchIndex)
    return false
  if (session !== sessionOf(from, after) || session !== sessionOf(from, before)) return false
  return later.nextIndex < earlier.nextIndex || (earlier.state === 'probe' && index === earlier.nextIndex - 1)
}

function hasAccepted(peer: NodeId, before: RaftStatus, after: RaftStatus): boolean {
  const earlier = peerOf(peer, before)
  const later = peerOf(peer, after)
  return (
    earlier === undefined || later === undefined || later.state !== 'probe' || later.matchIndex > earlier.matchIndex
  )
}

function repairOf(repairs: Map<NodeId, Repair>, peer: NodeId, session: LogIndex): Repair {
  let repair = repairs.get(peer)
  if (repair?.session !== session) {
    repair = { session, rounds: 0, conflicts: 0 }
    repairs.set(peer, repair)
  }
  return repair
}

function resetRounds(repair: Repair | undefined): void {
  if (repair !== undefined) repair.rounds = 0
}

function peerOf(id: NodeId, { peers }: RaftStatus): PeerStatus | undefined {
  return peers.find((peer) => peer.id === id)
}

/** 0 for a node that is not a member. */
function sessionOf(id: NodeId, { membership }: RaftStatus): LogIndex {
  return membership.members.find((member) => member.id === id)?.addedAt ?? 0
}

/** The number of terms of the follower's conflicting entries. Entries that the leader has compacted are committed and cannot conflict. */
function termsInConflict(follower: ReferenceLog, leader: ReferenceLog): number {
  const terms = new Set<Term | undefined>()
  for (let index = follower.lastIndex; index > Math.max(follower.baseIndex, leader.baseIndex); index--) {
    const term = follower.termAt(index)
    if (leader.termAt(index) === term) break
    terms.add(term)
  }
  return terms.size
}

/** §5.3, "one AppendEntries RPC will be required for each term with conflicting entries, rather than one RPC per entry". */
import type { Input } from '../../core/inputs.ts'
import type { PeerStatus, RaftStatus } from '../../core/status.ts'
import type { LogIndex, NodeId, Term } from '../../core/types.ts'
import type { Property } from './property.ts'
import type { ReferenceLog } from './reference-log.ts'

/** Rounds beyond one for each term in conflict: one for a log that is only shorter, and one to spare. */
const EXTRA_ROUNDS_MAX = 2

/** How a leader looks for where the log of one follower agrees with its own. */
interface Repair {
  /** Since when the follower is a member (`Member.addedAt`): it may go and come back. */
  readonly session: LogIndex
  /** Refusals the leader went by since the follower last accepted something. */
  rounds: number
  /** The most terms that were ever in conflict: a refusal of that time may come once more. */
  conflicts: number
}

/** A follower's refusal of what it was asked to append. */
interface Rejection {
  readonly from: NodeId
  /** The entry it has not got. */
  readonly index: LogIndex
  readonly session: LogIndex
}

export const logRepair: Property = {
  id: 'L4',
  name: 'a log is repaired in few rounds',
  promise:
    'A leader finds where the log of a follower agrees with its own in at most two rounds more than that log has terms in conflict.',
  watch(view) {
    const repairsByLeader = new Map<NodeId, Map<NodeId, Repair>>()
    return (observation) => {
      if (observation.type === 'started') {
        repairsByLeader.delete(observation.node)
        // What it has lost in the crash is found out anew.
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
      // Nearly always: this is done after every step.
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
          return `${id} went back ${repair.rounds} times for ${peer}, whose log had ${repair.conflicts} terms in conflict.`
      }
      for (const [peer, repair] of repairs) if (hasAccepted(peer, before, status)) resetRounds(repair)
      return undefined
    }
  },
}

/** Those that speak of this term. */
function rejectionsIn(inputs: readonly Input[], term: Term): Rejection[] {
  const rejections: Rejection[] = []
  for (const input of inputs) {
    if (input.type !== 'receive') continue
    const { from, message } = input
    if (message.type !== 'AppendEntriesResponse' || message.isAccepted || message.term !== term) continue
    rejections.push({ from, index: message.index, session: message.session })
  }
  return rejections
}

/** Whether the leader went by it: it answers what the leader asks now, or made it go back. Late copies do neither. */
function countsAsRound({ from, index, session }: Rejection, before: RaftStatus, after: RaftStatus): boolean {
  const was = peerOf(from, before)
  const is = peerOf(from, after)
  if (was === undefined || is === undefined || was.state === 'snapshot' || index <= was.matchIndex) return false
  if (session !== sessionOf(from, after) || session !== sessionOf(from, before)) return false
  return is.nextIndex < was.nextIndex || (was.state === 'probe' && index === was.nextIndex - 1)
}

function hasAccepted(peer: NodeId, before: RaftStatus, after: RaftStatus): boolean {
  const was = peerOf(peer, before)
  const is = peerOf(peer, after)
  return was === undefined || is === undefined || is.state !== 'probe' || is.matchIndex > was.matchIndex
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

/** Zero for one that is no member any more. */
function sessionOf(id: NodeId, { membership }: RaftStatus): LogIndex {
  return membership.members.find((member) => member.id === id)?.addedAt ?? 0
}

/** How many terms a follower has entries of that the leader has not; what the leader has compacted away is the same in both. */
function termsInConflict(follower: ReferenceLog, leader: ReferenceLog): number {
  const terms = new Set<Term | undefined>()
  for (let index = follower.lastIndex; index > Math.max(follower.baseIndex, leader.baseIndex); index--) {
    const term = follower.termAt(index)
    if (leader.termAt(index) === term) break
    terms.add(term)
  }
  return terms.size
}

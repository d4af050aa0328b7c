/** Liveness: what must happen once no fault is active. Checked once, at the end of a run, after the cluster has had time to recover. */
import type { RaftStatus } from '../../core/status.ts'
import type { NodeId } from '../../core/types.ts'
import { PropertyViolation } from './property.ts'

/** The state of a cluster at the end of a run. */
export interface FinalState {
  /** The status of every running node. */
  readonly statuses: ReadonlyMap<NodeId, RaftStatus>
  /** The number of client calls that have not ended. */
  readonly openCalls: number
  /** The leader's term when the time for an election was over; undefined if there was no leader. */
  readonly termAtDeadline: number | undefined
}

export const LIVENESS = {
  nodeRuns: {
    id: 'L0',
    name: 'a node keeps running',
    statement:
      'A node starts and keeps running, unless its disk has failed, went back or exists twice, or it was removed.',
  },
  leaderElected: {
    id: 'L1',
    name: 'a leader is elected',
    statement: 'After the faults end, a leader exists within ten election timeouts.',
  },
  termStable: {
    id: 'L2',
    name: 'the term is stable',
    statement: 'While a leader exists and no fault is active, the term does not increase.',
  },
  logsConverge: {
    id: 'L3',
    name: 'logs converge',
    statement: "After the faults end, every member commits and applies every entry of the leader's log.",
  },
  membershipSettles: {
    id: 'L5',
    name: 'the membership settles',
    statement: 'After the faults end, a pending membership change completes, and no joint membership remains.',
  },
  callsEnd: { id: 'L6', name: 'every call ends', statement: 'Every call ends with a result, an error or a timeout.' },
  snapshotArrives: {
    id: 'L8',
    name: 'a snapshot arrives',
    statement:
      'After the faults end, every follower that needs a snapshot receives it, whatever was lost of earlier transfers.',
  },
  lossNoticed: {
    id: 'L10',
    name: 'a loss is noticed',
    statement: 'After the faults end, a member whose disk went back to an older copy catches up or stops.',
  },
  changeNoticed: {
    id: 'L11',
    name: 'a changed command is noticed',
    statement: 'After the faults end, a node whose stored log has another command than its log in memory stops.',
  },
  majoritySuffices: {
    id: 'L9',
    name: 'a majority suffices',
    statement:
      'With a minority of the voters stopped or isolated for good, the others elect a leader within ten election timeouts and commit writes.',
  },
} as const

/** The leaders whose members are all in the same or an earlier term. Removed nodes may be in any term. */
export function currentLeaders(statuses: ReadonlyMap<NodeId, RaftStatus>): RaftStatus[] {
  return [...statuses.values()].filter(
    ({ role, term, membership }) =>
      role === 'leader' && membership.members.every(({ id }) => (statuses.get(id)?.term ?? 0) <= term),
  )
}

/** Throws a PropertyViolation if a learner with `promote: true` is not promoted although no fault and no write is active. */
export function checkPromotions(statuses: ReadonlyMap<NodeId, RaftStatus>): void {
  const [leader] = currentLeaders(statuses)
  if (leader === undefined) return
  const { members, learners } = leader.membership
  const unpromoted = members.find(({ id, promote }) => promote && learners.includes(id) && statuses.has(id))
  if (unpromoted === undefined) return
  checkSnapshotTransfers(leader, statuses)
  throw new PropertyViolation(
    LIVENESS.membershipSettles,
    `${unpromoted.id} is not promoted; ${summarizeStatuses([...statuses.values()])}`,
  )
}

/** Throws a PropertyViolation if a running member needs a snapshot, or entries that the leader has compacted. */
function checkSnapshotTransfers(leader: RaftStatus, statuses: ReadonlyMap<NodeId, RaftStatus>): void {
  const { id, firstIndex, membership, peers } = leader
  const waiting = peers.find(
    (peer) =>
      (peer.state === 'snapshot' || peer.nextIndex < firstIndex) &&
      statuses.has(peer.id) &&
      membership.members.some((member) => member.id === peer.id),
  )
  if (waiting === undefined) return
  const { nextIndex, state } = waiting
  const progress = `its next index is ${nextIndex} (${state}), and the log of ${id} starts at ${firstIndex}`
  throw new PropertyViolation(LIVENESS.snapshotArrives, `${waiting.id} has not received a snapshot: ${progress}.`)
}

/** Throws a PropertyViolation for the first liveness property that the cluster lacks. */
export function checkLiveness(finalState: FinalState): void {
  const { statuses, openCalls, termAtDeadline } = finalState
  const all = [...statuses.values()]
  const leaders = currentLeaders(statuses)
  const [leader] = leaders
  if (leader === undefined || leaders.length > 1 || termAtDeadline === undefined)
    throw new PropertyViolation(
      LIVENESS.leaderElected,
      `leaders: [${leaders.map(({ id }) => id)}]; ${summarizeStatuses(all)}`,
    )
  if (leader.term > termAtDeadline)
    throw new PropertyViolation(LIVENESS.termStable, `the term increased from ${termAtDeadline} to ${leader.term}.`)
  checkSnapshotTransfers(leader, statuses)
  if (leader.membership.outgoing.length > 0 || !leader.isMembershipCommitted)
    throw new PropertyViolation(
      LIVENESS.membershipSettles,
      `the membership at index ${leader.membershipIndex} is joint or not committed; ${summarizeStatuses(all)}`,
    )
  if (leader.commitIndex < leader.lastIndex)
    throw new PropertyViolation(
      LIVENESS.logsConverge,
      `${leader.id} has not committed its whole log; ${summarizeStatuses(all)}`,
    )
  for (const { id } of leader.membership.members) {
    const status = statuses.get(id)
    if (status?.commitIndex !== leader.commitIndex || status.appliedIndex !== leader.commitIndex)
      throw new PropertyViolation(
        LIVENESS.logsConverge,
        `${id} has not committed and applied as much as ${leader.id}; ${summarizeStatuses(all)}`,
      )
  }
  if (openCalls > 0) throw new PropertyViolation(LIVENESS.callsEnd, `${openCalls} calls are open.`)
}

/** One item per node: ID ROLE TERM APPLIED/COMMIT/LAST. */
export function summarizeStatuses(statuses: readonly RaftStatus[]): string {
  return statuses
    .map(
      ({ id, role, term, appliedIndex, commitIndex, lastIndex }) =>
        `${id} ${role} ${term} ${appliedIndex}/${commitIndex}/${lastIndex}`,
    )
    .join(', ')
}

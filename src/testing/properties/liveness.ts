/** What must come about once nothing is wrong any more. Judged once, at the end, of a cluster that has had time to heal. */
import type { RaftStatus } from '../../core/status.ts'
import type { NodeId } from '../../core/types.ts'
import { PropertyViolation } from './property.ts'

/** A cluster as it stands at the end of a run. */
export interface FinalState {
  /** Of every node that runs. */
  readonly statuses: ReadonlyMap<NodeId, RaftStatus>
  /** Calls that have neither been answered nor given up. */
  readonly openCalls: number
  /** The term that was led when a leader had to be there; undefined if none was. */
  readonly termAtDeadline: number | undefined
}

export const LIVENESS = {
  nodeRuns: {
    id: 'L0',
    name: 'a node lives',
    promise: 'A node starts, and goes on, unless its disk has failed or it was removed.',
  },
  leaderElected: {
    id: 'L1',
    name: 'a leader is there',
    promise: 'With the faults gone, a leader is there within ten election timeouts.',
  },
  termStable: {
    id: 'L2',
    name: 'a steady term',
    promise: 'Once a leader is there and nothing is wrong, the term does not grow.',
  },
  logsConverge: {
    id: 'L3',
    name: 'all are equal',
    promise: 'With the faults gone, all members come to commit all that their leader has, and apply it.',
  },
  membershipSettles: {
    id: 'L5',
    name: 'the membership settles',
    promise: 'With the faults gone, a pending membership change is finished, and no joint membership is left.',
  },
  callsEnd: { id: 'L6', name: 'every call ends', promise: 'Every call ends, in an answer, an error or a timeout.' },
  snapshotArrives: {
    id: 'L8',
    name: 'a snapshot arrives',
    promise:
      'With the faults gone, every follower that needs a snapshot gets it, whatever was lost of its transfer meanwhile.',
  },
  majoritySuffices: {
    id: 'L9',
    name: 'a majority suffices',
    promise:
      'With a minority of the voters gone or cut off for good, the others have a leader within ten election timeouts, and commit what is written.',
  },
} as const

/** Those who lead, and of whose members none is in a later term. A node that was removed may be in any term. */
export function currentLeaders(statuses: ReadonlyMap<NodeId, RaftStatus>): RaftStatus[] {
  return [...statuses.values()].filter(
    ({ role, term, membership }) =>
      role === 'leader' && membership.members.every(({ id }) => (statuses.get(id)?.term ?? 0) <= term),
  )
}

/** Throws BrokenPromise if a learner that is to be a voter still is none, though nothing is left to wait for: no write, no fault. */
export function checkPromotions(statuses: ReadonlyMap<NodeId, RaftStatus>): void {
  const [leader] = currentLeaders(statuses)
  if (leader === undefined) return
  const { members, learners } = leader.membership
  const left = members.find(({ id, promote }) => promote && learners.includes(id) && statuses.has(id))
  if (left === undefined) return
  checkSnapshotTransfers(leader, statuses)
  throw new PropertyViolation(
    LIVENESS.membershipSettles,
    `${left.id} is not promoted; ${summarizeStatuses([...statuses.values()])}`,
  )
}

/** Throws BrokenPromise if a member that runs is to go on with entries that its leader has compacted away, or waits for a snapshot. */
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
  const where = `it would go on at ${nextIndex} (${state}), and the log of ${id} begins at ${firstIndex}`
  throw new PropertyViolation(LIVENESS.snapshotArrives, `${waiting.id} is without one: ${where}.`)
}

/** Throws BrokenPromise for the first promise of liveness that the cluster does not keep. */
export function checkLiveness(finalState: FinalState): void {
  const { statuses, openCalls, termAtDeadline } = finalState
  const all = [...statuses.values()]
  const leaders = currentLeaders(statuses)
  const [leader] = leaders
  if (leader === undefined || leaders.length > 1 || termAtDeadline === undefined)
    throw new PropertyViolation(
      LIVENESS.leaderElected,
      `these lead: [${leaders.map(({ id }) => id)}]; ${summarizeStatuses(all)}`,
    )
  if (leader.term > termAtDeadline)
    throw new PropertyViolation(LIVENESS.termStable, `it grew from ${termAtDeadline} to ${leader.term}.`)
  checkSnapshotTransfers(leader, statuses)
  if (leader.membership.outgoing.length > 0 || !leader.isMembershipCommitted)
    throw new PropertyViolation(
      LIVENESS.membershipSettles,
      `the membership of index ${leader.membershipIndex} is not; ${summarizeStatuses(all)}`,
    )
  if (leader.commitIndex < leader.lastIndex)
    throw new PropertyViolation(
      LIVENESS.logsConverge,
      `${leader.id} has not committed what it has; ${summarizeStatuses(all)}`,
    )
  for (const { id } of leader.membership.members) {
    const status = statuses.get(id)
    if (status?.commitIndex !== leader.commitIndex || status.appliedIndex !== leader.commitIndex)
      throw new PropertyViolation(
        LIVENESS.logsConverge,
        `${id} is not where ${leader.id} is; ${summarizeStatuses(all)}`,
      )
  }
  if (openCalls > 0) throw new PropertyViolation(LIVENESS.callsEnd, `${openCalls} calls are open.`)
}

export function summarizeStatuses(statuses: readonly RaftStatus[]): string {
  return statuses
    .map(
      ({ id, role, term, appliedIndex, commitIndex, lastIndex }) =>
        `${id} ${role} ${term} ${appliedIndex}/${commitIndex}/${lastIndex}`,
    )
    .join(', ')
}

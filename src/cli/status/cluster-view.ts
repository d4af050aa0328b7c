/** Decides which answers describe the cluster: those of a quorum that follows one leader, not that of the newest term. */
import type { NodeStatus } from '../../contracts/node-service.ts'
import type { Membership, NodeId } from '../../core/types.ts'

/** What the answers agree on. */
export interface ClusterView {
  /** The node that a quorum of voters follows. */
  readonly leader: NodeId | undefined
  readonly term: number
  /** The answer that the membership is taken from. */
  readonly source: NodeStatus
  /** The voters that store what the leader appends; without a leader, the voters that answer. */
  readonly up: ReadonlySet<NodeId>
}

/** `statuses` must not be empty. */
export function clusterView(statuses: readonly NodeStatus[]): ClusterView {
  const running = statuses.filter((status) => status.stopped === undefined)
  for (const group of groupsByLeader(running)) {
    const [first] = group as [NodeStatus]
    const source = group.find((status) => status.role === 'leader') ?? newestMembership(group)
    if (spareVotes(source.membership, new Set(group.map(({ id }) => id))) < 0) continue
    return { leader: first.leader, term: first.term, source, up: replicating(source, group, statuses) }
  }
  const up = new Set(running.map(({ id }) => id))
  return { leader: undefined, term: commonTerm(statuses), source: mostCommitted(statuses), up }
}

/** The answers that name the same leader of the same term, the newest term first. */
function groupsByLeader(statuses: readonly NodeStatus[]): NodeStatus[][] {
  const groups = new Map<string, NodeStatus[]>()
  for (const status of statuses) {
    if (status.leader === undefined) continue
    const key = `${status.term} ${status.leader}`
    groups.set(key, [...(groups.get(key) ?? []), status])
  }
  return [...groups.values()].sort(([one], [other]) => (other as NodeStatus).term - (one as NodeStatus).term)
}

/** The leader knows best which voters replicate. If it does not answer, those that answer and follow it count. */
function replicating(
  source: NodeStatus,
  group: readonly NodeStatus[],
  statuses: readonly NodeStatus[],
): ReadonlySet<NodeId> {
  const stopped = statuses.filter((status) => status.stopped !== undefined)
  const lost = source.membership.members.filter(({ hasLostEntries }) => hasLostEntries === true)
  const excluded = new Set([...stopped, ...lost].map(({ id }) => id))
  const up =
    source.role === 'leader'
      ? [source.id, ...source.peers.filter(({ isReplicating }) => isReplicating).map(({ id }) => id)]
      : [source.leader as NodeId, ...group.map(({ id }) => id)]
  return new Set(up.filter((id) => !excluded.has(id)))
}

function newestMembership(statuses: readonly NodeStatus[]): NodeStatus {
  return statuses.reduce((best, each) => (each.membershipIndex > best.membershipIndex ? each : best))
}

/** A node that was cut off may have the newest term, but not the newest committed entries. */
function mostCommitted(statuses: readonly NodeStatus[]): NodeStatus {
  return statuses.reduce((best, each) => (each.commitIndex > best.commitIndex ? each : best))
}

/** The newest term that a majority of the answers has reached. */
function commonTerm(statuses: readonly NodeStatus[]): number {
  const terms = statuses.map(({ term }) => term).sort((one, other) => other - one)
  return terms[terms.length >> 1] as number
}

/** How many of the present voters can fail before a majority is lost; negative if it is lost already. */
export function spareVotes(membership: Membership, present: ReadonlySet<NodeId>): number {
  const halves = membership.outgoing.length > 0 ? [membership.voters, membership.outgoing] : [membership.voters]
  return Math.min(
    ...halves.map((voters) => voters.filter((id) => present.has(id)).length - (Math.floor(voters.length / 2) + 1)),
  )
}

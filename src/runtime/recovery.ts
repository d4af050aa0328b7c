/** Opens the storage of a node and makes its core from what it contains. */
import type { RecoveredState, Storage } from '../contracts/storage.ts'
import { chainProblem } from '../core/log/chain.ts'
import { bootstrapMembership, EMPTY_MEMBERSHIP } from '../core/membership/membership.ts'
import type { RaftOptions } from '../core/options.ts'
import { Raft } from '../core/raft.ts'
import type { InitialState } from '../core/state.ts'
import type { Instant, NodeId } from '../core/types.ts'
import { RaftError } from '../errors.ts'
import { sha256 } from '../platform/checksums.ts'
import { removedError } from './calls/rejections.ts'
import { raftOptionsOf } from './options.ts'
import type { RaftCore } from './pipeline/driver.ts'

/** Makes the core of a node: `new Raft`, or a wrapper around it. */
export type MakeCore = (options: RaftOptions, recovered: InitialState, now: Instant) => RaftCore

export interface BootstrapOptions {
  readonly id: NodeId
  readonly cluster: string | undefined
  readonly peers: Readonly<Record<NodeId, string>> | undefined
  readonly join: boolean | undefined
  readonly makeCore?: MakeCore | undefined
}

export interface RecoveredNode {
  readonly core: RaftCore
  readonly recovered: RecoveredState
}

/** Rejects with ERR_RAFT_REMOVED if the log shows that this node was removed, and with the errors of `storage.open`. */
export async function recover(
  storage: Storage,
  bootstrap: BootstrapOptions,
  options: RaftOptions,
  now: Instant,
): Promise<RecoveredNode> {
  const { id, cluster = '', peers = {}, join = false } = bootstrap
  const recovered = await storage.open({ clusterId: cluster, nodeId: id, newClusterId: clusterIdOf(peers) })
  const { hardState, snapshot, blocks } = recovered
  const problem = chainProblem(snapshot, blocks)
  if (problem !== undefined)
    throw new RaftError('ERR_RAFT_CORRUPT', `the log and the snapshot of ${id} do not belong together: ${problem}`)
  const initialMembership = join ? EMPTY_MEMBERSHIP : bootstrapMembership(peers)
  const make = bootstrap.makeCore ?? ((...args) => new Raft(...args))
  const core = make(raftOptionsOf(options), { hardState, snapshot, blocks, initialMembership }, now)
  const { isRemoved, membershipIndex } = core.status(now)
  if (isRemoved && !join)
    throw removedError(id, `its log says so at index ${membershipIndex}`, { index: membershipIndex })
  return { core, recovered }
}

/** Derives the cluster id from the first members and their addresses, so that all of them get the same id. */
export function clusterIdOf(peers: Readonly<Record<NodeId, string>>): string {
  const members = Object.keys(peers)
    .sort()
    .map((id) => `${id}@${peers[id]}`)
  return `c-${sha256(members.join(',')).slice(0, 8)}`
}

/** Which older copies of data directories the promises cover (docs/explanation/guarantees.md): runs use no others. */
import type { MemoryDisk } from '../../memory/memory-disk.ts'
import type { ClusterView, NodeView } from '../properties/cluster-view.ts'
import { isBootRecorded, isQuorum } from '../properties/quorum.ts'
import type { Cluster } from './cluster.ts'
import type { SimulatedNode } from './simulated-node.ts'

/** Whether a node's directory may go back to this copy of it. */
export function isCovered(cluster: Cluster, node: SimulatedNode, copy: MemoryDisk): boolean {
  return isKnownToBeOlder(cluster, node, copy) || isHarmless(cluster, node, copy)
}

/** Every other node has a later boot of the directory in its log, so that it rejects the copy. */
export function isKnownToBeOlder({ monitor }: Cluster, node: SimulatedNode, copy: MemoryDisk): boolean {
  return isBootRecorded(monitor.view, node.id, (copy.boot?.number ?? 0) + 1)
}

/**
 * The copy has all boots of the directory, so that it passes for a restart. That loses nothing if it has the same term and vote, and if
 * enough other nodes have everything that was committed. No message may be on its way that states more than the copy contains.
 */
function isHarmless(cluster: Cluster, node: SimulatedNode, copy: MemoryDisk): boolean {
  const { view } = cluster.monitor
  const { boot, view: now } = node.disk.memory
  const then = copy.view.hardState
  if (copy.boot?.id !== boot?.id || then.term !== now.hardState.term || then.votedFor !== now.hardState.votedFor)
    return false
  if (cluster.nodes.some(({ clock }) => clock?.isPaused === true)) return false
  const forgetful = new Set(
    [...view.nodes.values()].filter((other) => !hasAllCommitted(view, other)).map(({ id }) => id),
  )
  forgetful.add(node.id)
  return [...view.nodes.values()].every(
    ({ log, disk }) =>
      !isQuorum(log.membership.membership, forgetful) && !isQuorum(disk.membership.membership, forgetful),
  )
}

function hasAllCommitted({ committedLog }: ClusterView, node: NodeView): boolean {
  const index = committedLog.lastIndex
  const term = committedLog.termAt(index)
  return term !== undefined && node.hasPersisted(index, term)
}

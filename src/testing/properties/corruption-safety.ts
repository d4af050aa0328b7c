/** No silent data loss: a damaged log is an error. It is never read as a shorter log. */
import type { LogIndex } from '../../core/types.ts'
import type { NodeView } from './cluster-view.ts'
import type { Property } from './property.ts'

export const corruptionSafety: Property = {
  id: 'I11',
  name: 'corruption safety',
  statement: 'A node that starts has every entry that was durable on its disk. A node with a damaged disk stops.',
  observes: ['started'],
  watch(view) {
    return (observation) => {
      if (observation.type !== 'started') return undefined
      const node = view.node(observation.node)
      const loss = findLoss(node, observation.snapshot?.index ?? 0)
      return loss === undefined ? undefined : `${node.id} started with ${loss}.`
    }
  },
}

/** Compares the log with which the node started, `log`, with what was durable before, `disk`. */
function findLoss({ log, disk, diskSnapshot }: NodeView, snapshotIndex: LogIndex): string | undefined {
  const diskSnapshotIndex = diskSnapshot?.index ?? 0
  if (snapshotIndex < diskSnapshotIndex)
    return `a snapshot at index ${snapshotIndex}, but its disk had one at ${diskSnapshotIndex}`
  const last = Math.max(log.lastIndex, snapshotIndex)
  if (last < disk.lastIndex) return `a log that ends at ${last}, but its disk had entries up to ${disk.lastIndex}`
  const [found, expected] = [log.termAt(disk.lastIndex), disk.termAt(disk.lastIndex)]
  if (found === undefined || expected === undefined || found === expected) return undefined
  return `an entry of term ${found} at ${disk.lastIndex}, but its disk had one of term ${expected}`
}

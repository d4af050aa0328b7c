/** No silent loss: damage is an error, never the end of the log. */
import type { LogIndex } from '../../core/types.ts'
import type { NodeView } from './cluster-view.ts'
import type { Property } from './property.ts'

export const corruptionSafety: Property = {
  id: 'I11',
  name: 'corruption safety',
  promise: 'A node that starts has every entry that was durable on its disk: it stops at damage, and drops nothing.',
  watch(view) {
    return (observation) => {
      if (observation.type !== 'started') return undefined
      const node = view.node(observation.node)
      const loss = findLoss(node, observation.snapshot?.index ?? 0)
      return loss === undefined ? undefined : `${node.id} started with ${loss}.`
    }
  },
}

/** What it began with is its log; what it had is still as the judges remember its disk. */
function findLoss({ log, disk, diskSnapshot }: NodeView, snapshotIndex: LogIndex): string | undefined {
  const snapshotThen = diskSnapshot?.index ?? 0
  if (snapshotIndex < snapshotThen) return `a snapshot of ${snapshotIndex}, though its disk had one of ${snapshotThen}`
  const last = Math.max(log.lastIndex, snapshotIndex)
  if (last < disk.lastIndex) return `a log that ends at ${last}, though its disk had entries up to ${disk.lastIndex}`
  const [found, had] = [log.termAt(disk.lastIndex), disk.termAt(disk.lastIndex)]
  if (found === undefined || had === undefined || found === had) return undefined
  return `an entry of term ${found} at ${disk.lastIndex}, though its disk had one of term ${had}`
}

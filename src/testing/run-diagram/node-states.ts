/** The state of one node as a card of a run's diagram: role, term, vote, indexes, the end of its log, and what is on its disk. */
import type { LogIndex } from '../../core/types.ts'
import type { Field, LaneState } from '../../lane-diagram/diagram.ts'
import type { NodeView } from '../properties/cluster-view.ts'
import type { ReferenceLog } from '../properties/reference-log.ts'
import { formatMembership } from '../text/format-message.ts'

/** The number of entries at the end of a log that a card shows. */
export const LOG_ENTRIES_SHOWN = 12

const NARROW_FIELDS = ['term', 'vote', 'leader', 'last', 'commit', 'applied', 'snapshot', 'persisted']

export const FIELDS: readonly Field[] = [
  ...NARROW_FIELDS.map((name) => ({ name, width: 'narrow' as const })),
  ...['members', 'on disk'].map((name) => ({ name, width: 'wide' as const })),
]

/** The state as the observations so far show it. */
export function nodeStateOf(view: NodeView): LaneState {
  const { status, isUp, disk, diskState, diskSnapshot, log } = view
  const snapshot = diskSnapshot === undefined ? '' : `, snapshot ${diskSnapshot.index}@${diskSnapshot.term}`
  const onDisk = `term ${diskState.term}, vote ${diskState.votedFor ?? '-'}, last ${entryAt(disk, disk.lastIndex)}${snapshot}`
  if (!isUp || status === undefined) {
    const cells = cellsOf(disk, { applied: 0, committed: diskState.commitIndex, persisted: disk.lastIndex })
    return { badge: isUp ? 'starting' : 'down', values: [...NARROW_FIELDS.map(() => '-'), '-', onDisk], cells }
  }
  const { role, term, votedFor, leader, appliedIndex, commitIndex, snapshotIndex, persistedIndex } = status
  const values = [
    ...[String(term), votedFor ?? '-', leader ?? '-', entryAt(log, status.lastIndex), String(commitIndex)],
    ...[
      String(appliedIndex),
      String(snapshotIndex),
      String(persistedIndex),
      formatMembership(status.membership),
      onDisk,
    ],
  ]
  const badge = status.stopped === undefined ? role : `stopped: ${status.stopped}`
  return {
    badge,
    values,
    cells: cellsOf(log, { applied: appliedIndex, committed: commitIndex, persisted: persistedIndex }),
  }
}

interface Indexes {
  readonly applied: LogIndex
  readonly committed: LogIndex
  readonly persisted: LogIndex
}

function cellsOf(log: ReferenceLog, { applied, committed, persisted }: Indexes): (readonly [string, string])[] {
  const first = Math.max(log.baseIndex + 1, log.lastIndex - LOG_ENTRIES_SHOWN + 1)
  return Array.from({ length: Math.max(0, log.lastIndex - first + 1) }, (_, offset) => {
    const index = first + offset
    const kind =
      index <= applied ? 'applied' : index <= committed ? 'committed' : index <= persisted ? 'persisted' : 'unwritten'
    return [entryAt(log, index), kind]
  })
}

function entryAt(log: ReferenceLog, index: LogIndex): string {
  return index === 0 ? '-' : `${index}@${log.termAt(index) ?? '?'}`
}

/** What differs between two states, as a sentence about the node. */
export function describeChanges(before: LaneState | undefined, now: LaneState): string {
  const fields = FIELDS.flatMap(({ name }, offset) =>
    before?.values[offset] === now.values[offset] ? [] : [`${name} ${now.values[offset]}`],
  )
  const parts = before?.badge === now.badge ? fields : [now.badge, ...fields]
  return `has ${parts.length === 0 ? 'other entries' : parts.join(', ')}`
}

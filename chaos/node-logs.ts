/** Counts important events in the logs of the nodes, to show that a run exercised elections, snapshots and transfers. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The counted events, with their names in the report. */
const COUNTED_EVENTS = {
  becameLeader: 'elections won',
  snapshotTaken: 'snapshots taken',
  fetchStarted: 'snapshot fetches started',
  restored: 'snapshots restored',
  transferStarted: 'transfers started',
  failed: 'failures',
} as const

export function countLoggedEvents(directory: string): string {
  const lines = readdirSync(directory).flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n'))
  const counts = Object.entries(COUNTED_EVENTS).map(([event, words]) => {
    const count = lines.filter((line) => line.includes(`"event":"${event}"`)).length
    return `${count} ${words}`
  })
  return counts.join(', ')
}

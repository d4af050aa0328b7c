/** What the nodes themselves have logged during a run, counted: so that one can see that what should happen has happened. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Of all that is logged, in the words of the report. */
const COUNTED_EVENTS = {
  becameLeader: 'elections won',
  snapshotTaken: 'snapshots taken',
  fetchStarted: 'fetches of a snapshot begun',
  restored: 'snapshots restored',
  transferStarted: 'transfers begun',
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

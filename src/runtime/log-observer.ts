/** An observer that writes events as log lines: text on a terminal, JSON elsewhere, with repetitions suppressed. */
import type { NodeEvent, Observer } from '../contracts/observer.ts'
import type { NodeId } from '../core/types.ts'
import type { Level } from './event-text.ts'
import { eventText, levelOf } from './event-text.ts'

export interface LogOptions {
  /** Where lines are written; by default process.stderr, or the console of a browser. */
  readonly stream?: { write(line: string): unknown; readonly isTTY?: boolean | undefined } | undefined
  /** Write JSON lines. Default: true unless the stream is a terminal. */
  readonly json?: boolean | undefined
  /** The time of day in milliseconds since 1970; by default Date.now. */
  readonly now?: (() => number) | undefined
  /** The most events of one type about one peer that are written per period; further ones are counted. Default: 5. */
  readonly repeatMax?: number | undefined
  /** Default: 60 000. */
  readonly periodMs?: number | undefined
  /** Leave out debug events. Default: true. */
  readonly isQuiet?: boolean | undefined
}

/** How often a line was written and suppressed in the current period. */
interface Count {
  since: number
  written: number
  suppressed: number
}

const KEYS_MAX = 1000

function standardError(): NonNullable<LogOptions['stream']> {
  if (typeof process !== 'undefined') return process.stderr
  return { write: (line) => console.warn(line.trimEnd()), isTTY: true }
}

export function logObserver(options: LogOptions = {}): Observer {
  const { stream = standardError(), now = () => Date.now(), repeatMax = 5, periodMs = 60_000, isQuiet = true } = options
  const isJson = options.json ?? stream.isTTY !== true
  const counts = new Map<string, Count>()
  return {
    event(node, event) {
      const level = levelOf(event)
      if (isQuiet && level === 'debug') return
      const time = now()
      const repeated = countRepeats(counts, `${node} ${event.type} ${peerOf(event) ?? ''}`, time, repeatMax, periodMs)
      if (repeated === undefined) return
      const write = isJson ? jsonLine : textLine
      stream.write(`${write(new Date(time).toISOString(), level, node, event, repeated)}\n`)
    },
  }
}

/** The number of equal lines suppressed in the last period; undefined if this one is suppressed too. */
function countRepeats(
  counts: Map<string, Count>,
  key: string,
  time: number,
  repeatMax: number,
  periodMs: number,
): number | undefined {
  const known = counts.get(key)
  if (known === undefined || time - known.since >= periodMs) {
    if (counts.size >= KEYS_MAX) counts.clear()
    counts.set(key, { since: time, written: 1, suppressed: 0 })
    return known?.suppressed ?? 0
  }
  if (known.written < repeatMax) {
    known.written++
    return 0
  }
  known.suppressed++
  return undefined
}

function peerOf(event: NodeEvent): NodeId | undefined {
  if ('peer' in event) return event.peer
  if ('from' in event) return event.from
  return undefined
}

function jsonLine(time: string, level: Level, node: NodeId, event: NodeEvent, repeated: number): string {
  const { type, ...facts } = event
  return JSON.stringify({ time, level, node, event: type, ...facts, ...(repeated > 0 ? { repeated } : {}) })
}

function textLine(time: string, level: Level, node: NodeId, event: NodeEvent, repeated: number): string {
  const again = repeated > 0 ? ` (repeated ${repeated} times)` : ''
  const mark = level === 'info' ? '' : `${level} `
  return `${time.slice(11, 23)} ${node} ${mark}${eventText(event)}${again}`
}

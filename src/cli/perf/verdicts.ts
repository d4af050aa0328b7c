/** Compares measured delays with the timeouts of each node, line by line, and proposes timeouts that hold them. */
import type { RaftOptions } from '../../core/options.ts'

export type Timeouts = Pick<RaftOptions, 'heartbeatIntervalMs' | 'electionTimeoutMinMs' | 'electionTimeoutMaxMs'>

/** What was measured where, and the timeouts of that node. */
export interface Measurement {
  /** For example 'n1', 'n1 → n2' or '/var/lib/quorate'. */
  readonly where: string
  readonly what: keyof typeof DELAYS
  /** The longest one, in milliseconds. */
  readonly longestMs: number
  /** The median, if single delays were measured. */
  readonly medianMs?: number | undefined
  readonly timeouts: Timeouts
}

export interface Verdict extends Measurement {
  readonly limitMs: number
  readonly isPassed: boolean
}

export interface PerfReport {
  readonly verdicts: readonly Verdict[]
  /** Timeouts for all nodes that hold everything measured; undefined if those in use do. */
  readonly proposal: Timeouts | undefined
}

/** The delays, and how many of each an election timeout must hold beside a heartbeat interval: as the alarm TIMEOUT_UNSAFE counts them. */
const DELAYS = {
  'event loop': { perTimeout: 2, why: 'a blocked event loop delays the heartbeats of a leader' },
  'durable write': { perTimeout: 2, why: 'a vote waits for a durable write' },
  response: { perTimeout: 1, why: 'a leader counts on the responses to its heartbeats' },
  'round trip': { perTimeout: 2, why: 'heartbeats and votes travel through this network' },
} as const

/** A proposed timeout leaves this factor above what was measured, because a measurement seldom sees the worst. */
const MARGIN = 2
const ROUND_MS = 50
const ELECTION_TIMEOUT_MIN_MS = 300
const HEARTBEATS_PER_TIMEOUT = 5

export function checkTimeouts(measurements: readonly Measurement[]): PerfReport {
  const verdicts = measurements.map((one) => {
    const limitMs = Math.floor(availableMs(one.timeouts) / DELAYS[one.what].perTimeout)
    return { ...one, limitMs, isPassed: one.longestMs <= limitMs }
  })
  return { verdicts, proposal: verdicts.every(({ isPassed }) => isPassed) ? undefined : propose(measurements) }
}

/** Why a delay matters, as the end of a sentence. */
export function reasonOf({ what }: Measurement): string {
  return DELAYS[what].why
}

/** Timeouts as the flags of `quorate serve`. */
export function timeoutFlags({ heartbeatIntervalMs, electionTimeoutMinMs, electionTimeoutMaxMs }: Timeouts): string {
  return `--election-timeout ${electionTimeoutMinMs}-${electionTimeoutMaxMs}ms --heartbeat ${heartbeatIntervalMs}ms`
}

function availableMs({ electionTimeoutMinMs, heartbeatIntervalMs }: Timeouts): number {
  return electionTimeoutMinMs - heartbeatIntervalMs
}

/** The election timeout holds a heartbeat interval, which is a fifth of it, and what was measured with a margin. */
function propose(measurements: readonly Measurement[]): Timeouts {
  const delayMs = Math.max(...measurements.map(({ what, longestMs }) => DELAYS[what].perTimeout * longestMs))
  const neededMs = (MARGIN * delayMs * HEARTBEATS_PER_TIMEOUT) / (HEARTBEATS_PER_TIMEOUT - 1)
  const electionTimeoutMinMs = Math.max(ELECTION_TIMEOUT_MIN_MS, Math.ceil(neededMs / ROUND_MS) * ROUND_MS)
  const heartbeatIntervalMs = electionTimeoutMinMs / HEARTBEATS_PER_TIMEOUT
  return { heartbeatIntervalMs, electionTimeoutMinMs, electionTimeoutMaxMs: 2 * electionTimeoutMinMs }
}

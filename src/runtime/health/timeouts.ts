/** Compares the election timeout with the delays that a node measures: of its event loop, its disk and its followers. */
import type { Clock, Timer } from '../../contracts/clock.ts'
import type { RaftOptions } from '../../core/options.ts'
import type { Instant } from '../../core/types.ts'
import type { Alarms } from './alarms.ts'

/** Delays of a node, each the longest recent one, in milliseconds. */
export interface Delays {
  readonly loopDelayMs: number
  readonly writeMs: number
  /** Of a leader: the slowest response of a voter to a heartbeat, and that voter. */
  readonly response: { readonly peer: string; readonly ms: number } | undefined
}

export interface TimeoutsParts {
  readonly clock: Clock
  readonly alarms: Pick<Alarms, 'raise' | 'clear'>
  readonly options: Pick<RaftOptions, 'electionTimeoutMinMs' | 'heartbeatIntervalMs'>
  readonly delays: () => Delays
}

const CHECK_MS = 5000

/** For so long the timeout must have been too short, or long enough, before the alarm is raised or cleared: a single pause is no reason. */
const PERIOD_MS = 30_000

/**
 * How many of a delay must fit into an election timeout, beside the interval of two heartbeats. A blocked event loop delays the heartbeats that a leader
 * sends, and a slow write the votes that make a leader: once, and once more as a margin. A response already took two ways through network and loops.
 */
const DELAYS_PER_TIMEOUT = 2

/** The shortest election timeout that is safe with these delays, in whole milliseconds. */
export function neededTimeoutMs(heartbeatIntervalMs: number, { loopDelayMs, writeMs, response }: Delays): number {
  return Math.ceil(
    heartbeatIntervalMs + Math.max(DELAYS_PER_TIMEOUT * Math.max(loopDelayMs, writeMs), response?.ms ?? 0),
  )
}

export class Timeouts {
  readonly #parts: TimeoutsParts
  #timer: Timer | undefined
  #isStopped = false
  #unsafeSince: Instant | undefined
  #safeSince: Instant | undefined

  constructor(parts: TimeoutsParts) {
    this.#parts = parts
  }

  start(): void {
    const { clock } = this.#parts
    if (this.#isStopped) return
    this.#timer = clock.wakeAt(clock.now() + CHECK_MS, () => {
      this.#check()
      this.start()
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  #check(): void {
    const { clock, alarms, options, delays } = this.#parts
    const now = clock.now()
    const measured = delays()
    const neededMs = neededTimeoutMs(options.heartbeatIntervalMs, measured)
    const isSafe = neededMs <= options.electionTimeoutMinMs
    this.#unsafeSince = isSafe ? undefined : (this.#unsafeSince ?? now)
    this.#safeSince = isSafe ? (this.#safeSince ?? now) : undefined
    if (this.#unsafeSince !== undefined && now - this.#unsafeSince >= PERIOD_MS) this.#raise(measured, neededMs)
    else if (this.#safeSince !== undefined && now - this.#safeSince >= PERIOD_MS) alarms.clear('TIMEOUT_UNSAFE')
  }

  #raise(measured: Delays, neededMs: number): void {
    const { alarms, options } = this.#parts
    const { electionTimeoutMinMs } = options
    alarms.raise({
      code: 'TIMEOUT_UNSAFE',
      message:
        `electionTimeoutMinMs is ${electionTimeoutMinMs}, too short for the delays of this node: ${describeDelay(measured)}; ` +
        `find out what causes that, or set electionTimeoutMinMs to ${neededMs} or more on every node`,
      details: { electionTimeoutMinMs, neededMs },
    })
  }
}

/** The longest of the delays, in words. */
function describeDelay({ loopDelayMs, writeMs, response }: Delays): string {
  if (response !== undefined && response.ms > DELAYS_PER_TIMEOUT * Math.max(loopDelayMs, writeMs))
    return `${response.peer} took ${Math.round(response.ms)} ms to answer a heartbeat`
  if (writeMs > loopDelayMs) return `a durable write took ${Math.round(writeMs)} ms`
  return `its event loop was blocked for ${Math.round(loopDelayMs)} ms`
}

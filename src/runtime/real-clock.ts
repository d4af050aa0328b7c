/** The clock of a real process, which also knows how long the event loop was held up. */
import type { IntervalHistogram } from 'node:perf_hooks'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import type { Clock } from '../contracts/clock.ts'
import { systemClock } from '../platform/system-clock.ts'

const LOOP_RESOLUTION_MS = 20

/** "Recent" is the last whole window of this length, and what is begun of the next. */
const LOOP_DELAY_WINDOW_MS = 10_000

/** One event loop, one measure of it: begun with the first node of the process, and no reason for the process to stay alive. */
const loop: { delays: IntervalHistogram | undefined; windowStart: number; previousMax: number } = {
  delays: undefined,
  windowStart: 0,
  previousMax: 0,
}

/** The system's clock with a measure of the event loop's delay. */
export function realClock(): Clock {
  if (loop.delays === undefined) {
    loop.delays = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS })
    loop.delays.enable()
    loop.windowStart = performance.now()
  }
  return { ...systemClock, loopDelayMs }
}

function loopDelayMs(): number {
  const { delays, windowStart, previousMax } = loop
  if (delays === undefined || delays.count === 0) return previousMax
  const longest = Math.max(0, delays.max / 1e6 - LOOP_RESOLUTION_MS)
  if (performance.now() - windowStart > LOOP_DELAY_WINDOW_MS) {
    loop.windowStart = performance.now()
    loop.previousMax = longest
    delays.reset()
  }
  return Math.max(previousMax, longest)
}

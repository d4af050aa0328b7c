/** The system clock, which also counts suspensions of the machine, with a measurement of the event loop's delay. */
import type { IntervalHistogram } from 'node:perf_hooks'
import type { Clock } from '../contracts/clock.ts'
import { nodeModule } from '../platform/node-modules.ts'
import { clockOf, systemClock } from '../platform/system-clock.ts'
import { suspendAwareTime } from './suspend-aware-time.ts'

/** A pause may be measured too short by this. Each measurement wakes the process: at 20 ms they were half of the wake-ups of an idle node. */
const LOOP_RESOLUTION_MS = 50

/** The reported delay is the longest of the last complete window and the current one. */
const LOOP_DELAY_WINDOW_MS = 10_000

/** One measurement for the process, started by its first node. It does not keep the process alive. */
const loop: {
  delays: IntervalHistogram | undefined
  windowStart: number
  previousMax: number
  isEnding: boolean
} = {
  delays: undefined,
  windowStart: 0,
  previousMax: 0,
  isEnding: false,
}

/** Kept, in case a test of the user replaces them; and the global `performance` takes a lookup each time. */
const timeOfDay = Date.now
const monotonic = performance.now.bind(performance)

/** One for the process, so that its nodes agree. */
const clock = clockOf(suspendAwareTime({ monotonic, wall: timeOfDay }))

/** Monotonic time and timers, and the event loop's delay for `status`; a browser does not measure that. */
export function realClock(): Clock {
  const hooks = nodeModule<typeof import('node:perf_hooks')>('node:perf_hooks')
  if (hooks === undefined) return systemClock
  if (loop.delays === undefined) {
    loop.delays = hooks.monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS })
    loop.delays.enable()
    loop.windowStart = performance.now()
  }
  return { ...clock, loopDelayMs }
}

function loopDelayMs(): number {
  const { delays, windowStart, previousMax, isEnding } = loop
  if (delays === undefined) return previousMax
  if (!isEnding && performance.now() - windowStart > LOOP_DELAY_WINDOW_MS) {
    loop.isEnding = true
    // After the timers that are due now: if one of them asks right after a pause, that of the measurement has not recorded the pause yet.
    setImmediate(() => endWindow(delays))
  }
  return Math.max(previousMax, longestMs(delays))
}

function endWindow(delays: IntervalHistogram): void {
  loop.previousMax = longestMs(delays)
  loop.windowStart = performance.now()
  loop.isEnding = false
  delays.reset()
}

function longestMs({ count, max }: IntervalHistogram): number {
  return count === 0 ? 0 : Math.max(0, max / 1e6 - LOOP_RESOLUTION_MS)
}

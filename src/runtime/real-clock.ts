/** The system clock, which also counts suspensions of the machine, with a measurement of the event loop's delay. */
import type { IntervalHistogram } from 'node:perf_hooks'
import type { Clock } from '../contracts/clock.ts'
import { nodeModule } from '../platform/node-modules.ts'
import { clockOf, systemClock } from '../platform/system-clock.ts'
import { suspendAwareTime } from './suspend-aware-time.ts'

const LOOP_RESOLUTION_MS = 20

/** The reported delay is the longest of the last complete window and the current one. */
const LOOP_DELAY_WINDOW_MS = 10_000

/** One measurement for the process, started by its first node. It does not keep the process alive. */
const loop: { delays: IntervalHistogram | undefined; windowStart: number; previousMax: number } = {
  delays: undefined,
  windowStart: 0,
  previousMax: 0,
}

/** Kept, in case a test of the user replaces it. */
const timeOfDay = Date.now

/** One for the process, so that its nodes agree. */
const clock = clockOf(suspendAwareTime({ monotonic: () => performance.now(), wall: timeOfDay }))

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

/** The clock of a real process, which also knows how long the event loop was held up. */
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import type { Clock } from '../contracts/clock.ts'
import { systemClock } from '../contracts/system-clock.ts'

const LOOP_RESOLUTION_MS = 20

/** "Recent" is the last whole window of this length, and what is begun of the next. */
const LOOP_WINDOW_MS = 10_000

/** The system's clock with a measure of the event loop's delay; `close` ends the measuring. */
export function realClock(): Clock & { close(): void } {
  const delays = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS })
  delays.enable()
  let windowFrom = performance.now()
  let longestBefore = 0
  return {
    ...systemClock,
    loopDelayMs() {
      const longest = delays.count === 0 ? 0 : Math.max(0, delays.max / 1e6 - LOOP_RESOLUTION_MS)
      const answer = Math.max(longestBefore, longest)
      if (performance.now() - windowFrom > LOOP_WINDOW_MS) {
        windowFrom = performance.now()
        longestBefore = longest
        delays.reset()
      }
      return answer
    },
    close() {
      delays.disable()
    },
  }
}

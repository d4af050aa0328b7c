/** The clock of the process: monotonic time, timers and turns of the event loop. */
import type { Clock } from '../contracts/clock.ts'
import { defer } from './turns.ts'

/** The longest delay of setTimeout; a longer wait uses several timers. */
const TIMER_MS_MAX = 2 ** 31 - 1

/** A clock of this time, in milliseconds. It may run faster than the timers of the process, which then call back late. */
export function clockOf(now: () => number): Clock {
  return {
    now,
    wakeAt(at, callback) {
      let timer: NodeJS.Timeout
      const arm = (): void => {
        const delayMs = Math.min(Math.max(0, Math.ceil(at - now())), TIMER_MS_MAX)
        timer = setTimeout(() => (now() < at ? arm() : callback()), delayMs)
      }
      arm()
      return { cancel: () => clearTimeout(timer) }
    },
    defer,
  }
}

export const systemClock: Clock = clockOf(() => performance.now())

/** The clock of the process: monotonic time, timers and turns of the event loop. */
import type { Clock } from '../contracts/clock.ts'
import { defer } from './turns.ts'

/** The longest delay of setTimeout; a longer wait uses several timers. */
const TIMER_MS_MAX = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => performance.now(),
  wakeAt(at, callback) {
    let timer: NodeJS.Timeout
    const arm = (): void => {
      const delayMs = Math.min(Math.max(0, Math.ceil(at - performance.now())), TIMER_MS_MAX)
      timer = setTimeout(() => (performance.now() < at ? arm() : callback()), delayMs)
    }
    arm()
    return { cancel: () => clearTimeout(timer) }
  },
  defer,
}

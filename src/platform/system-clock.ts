/** The real time: the clock everything runs on outside of tests and simulations. */
import type { Clock } from '../contracts/clock.ts'

/** The longest wait a timer of this platform keeps; longer ones are waited for in pieces. */
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
  defer: (callback) => {
    setImmediate(callback)
  },
}

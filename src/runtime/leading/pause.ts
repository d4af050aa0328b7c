/** A pause in the work of a leader, which ends early with its leadership. */
import type { Clock } from '../../contracts/clock.ts'

export function pauseFor(ms: number, clock: Pick<Clock, 'now' | 'wakeAt'>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      timer.cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = clock.wakeAt(clock.now() + ms, end)
    signal.addEventListener('abort', end)
  })
}

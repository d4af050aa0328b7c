/** Calls that wait before they try again: until their time has come, a leader was found, or nobody wants them any more. */
import type { Clock } from '../contracts/clock.ts'
import { onAbort } from '../platform/on-abort.ts'

/** How a pause ended. */
export type WakeReason = 'time' | 'leader' | 'end'

export class BackoffTimers {
  readonly #clock: Clock
  readonly #waiting = new Map<(how: WakeReason) => void, 'seeking' | 'resting'>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** For this long, or until it is aborted; one that is seeking a leader also wakes when one is found. */
  wait(ms: number, reason: 'seeking' | 'resting', signal: AbortSignal | undefined): Promise<WakeReason> {
    return new Promise((resolve) => {
      const wake = (how: WakeReason): void => {
        timer.cancel()
        stopListening?.()
        this.#waiting.delete(wake)
        resolve(how)
      }
      const timer = this.#clock.wakeAt(this.#clock.now() + ms, () => wake('time'))
      const stopListening = signal === undefined ? undefined : onAbort(signal, () => wake('end'))
      this.#waiting.set(wake, reason)
    })
  }

  onLeaderFound(): void {
    for (const [wake, reason] of [...this.#waiting]) if (reason === 'seeking') wake('leader')
  }

  wakeAll(): void {
    for (const wake of [...this.#waiting.keys()]) wake('end')
  }
}

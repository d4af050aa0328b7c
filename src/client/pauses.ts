/** Calls that wait before they try again: until their time has come, a leader was found, or nobody wants them any more. */
import type { Clock } from '../contracts/clock.ts'
import { onAbort } from '../platform/on-abort.ts'

/** How a pause ended. */
export type Awakening = 'time' | 'leader' | 'end'

export class Pauses {
  readonly #clock: Clock
  readonly #sleepers = new Map<(how: Awakening) => void, 'seeking' | 'resting'>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** For this long, or until it is aborted; one that is seeking a leader also wakes when one is found. */
  pause(ms: number, why: 'seeking' | 'resting', signal: AbortSignal | undefined): Promise<Awakening> {
    return new Promise((resolve) => {
      const wake = (how: Awakening): void => {
        timer.cancel()
        stopListening?.()
        this.#sleepers.delete(wake)
        resolve(how)
      }
      const timer = this.#clock.wakeAt(this.#clock.now() + ms, () => wake('time'))
      const stopListening = signal === undefined ? undefined : onAbort(signal, () => wake('end'))
      this.#sleepers.set(wake, why)
    })
  }

  leaderFound(): void {
    for (const [wake, why] of [...this.#sleepers]) if (why === 'seeking') wake('leader')
  }

  end(): void {
    for (const wake of [...this.#sleepers.keys()]) wake('end')
  }
}

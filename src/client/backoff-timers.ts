/** The waits between attempts; a wait ends early if a leader is found, the call is aborted or the client closes. */
import type { Clock } from '../contracts/clock.ts'
import { onAbort } from '../platform/on-abort.ts'

/** Why a wait ended: the time has passed, a leader was found, or the call or the client has ended. */
export type WakeReason = 'time' | 'leader' | 'end'

export class BackoffTimers {
  readonly #clock: Clock
  readonly #waiting = new Map<(how: WakeReason) => void, 'no-leader' | 'busy'>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Waits for `ms`, or until the signal is aborted; with reason 'no-leader' also until a leader is found. */
  wait(ms: number, reason: 'no-leader' | 'busy', signal: AbortSignal | undefined): Promise<WakeReason> {
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
    for (const [wake, reason] of [...this.#waiting]) if (reason === 'no-leader') wake('leader')
  }

  wakeAll(): void {
    for (const wake of [...this.#waiting.keys()]) wake('end')
  }
}

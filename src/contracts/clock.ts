/** Time and timers: those of the process, or the simulator's virtual ones. */

export interface Timer {
  cancel(): void
}

export interface Clock {
  /** Monotonic milliseconds (fractions allowed); unrelated to the time of day. */
  now(): number
  /** Calls back once, at or after `at`. */
  wakeAt(at: number, callback: () => void): Timer
  /** Calls back in a later turn of the event loop, so that the work of one turn is processed as one batch. */
  defer(callback: () => void): void
  /** The longest recent delay of the event loop in milliseconds, if the clock measures it. */
  loopDelayMs?(): number
}

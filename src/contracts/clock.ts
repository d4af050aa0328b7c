/** Time and turns, as the runtime needs them: the real ones, or the simulator's. */

export interface Timer {
  cancel(): void
}

export interface Clock {
  /** Monotonic milliseconds (fractions allowed); unrelated to the time of day. */
  now(): number
  /** Calls back once, at or after `at`. */
  wakeAt(at: number, callback: () => void): Timer
  /** Calls back in a later turn of the event loop, after what is already waiting there: work of one turn is done as one batch. */
  defer(callback: () => void): void
  /** The longest recent turn of the event loop in milliseconds, if this clock can tell. */
  loopDelayMs?(): number
}

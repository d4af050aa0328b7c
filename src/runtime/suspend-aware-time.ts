/** Monotonic time that also counts, by the time of day, how long the machine was suspended. */

/** The two times of a process, in milliseconds. */
export interface ProcessTimes {
  /** Monotonic; stands still while a machine is suspended, on Linux and macOS. */
  monotonic(): number
  /** The time of day, which an operator or a time server may change at any moment. */
  wall(): number
}

/** The time of day is read this often at most. */
const CHECK_MS = 20

/** The time of day is adjusted in small steps all the time; a larger one counts as a suspension, up to the maximum. */
const SUSPENSION_MS_MIN = 100
const SUSPENSION_MS_MAX = 60_000

/** Returns a clock. It never goes back; a change of the time of day backwards has no effect. */
export function suspendAwareTime({ monotonic, wall }: ProcessTimes): () => number {
  let suspendedMs = 0
  let checkedAt = monotonic()
  let checkedWall = wall()
  return () => {
    const at = monotonic()
    if (at - checkedAt >= CHECK_MS) {
      const wallNow = wall()
      const aheadMs = wallNow - checkedWall - (at - checkedAt)
      if (aheadMs >= SUSPENSION_MS_MIN) suspendedMs += Math.min(aheadMs, SUSPENSION_MS_MAX)
      checkedAt = at
      checkedWall = wallNow
    }
    return at + suspendedMs
  }
}

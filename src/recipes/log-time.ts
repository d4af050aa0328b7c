/** The time of the recipes: a replicated count of milliseconds, which never runs faster than the clocks of the clients that advance it. */
import type { Clock } from '../contracts/clock.ts'
import { checkInteger, type OptionCheck } from '../platform/options.ts'

/** Sent with every command: this client received a result with that time so long ago, so at least so long ago that time was set. */
export interface Stamp {
  readonly time: number
  readonly elapsedMs: number
}

/** Smaller steps are ignored: what passes between a step and its result at the next client is lost at every step. */
const STEP_MS_MIN = 100
/** Larger steps count as this. The time may lag behind by as much, so a lease may last longer by as much. */
export const STEP_MS_MAX = 1000

const checkCount = checkInteger(0)

export const checkStamp: OptionCheck = (value) => {
  const { time, elapsedMs } = (value ?? {}) as Partial<Stamp>
  const problem = checkCount(time) ?? checkCount(elapsedMs)
  return problem === undefined ? undefined : `has a number that ${problem}`
}

/** The time in a state machine. */
export class LogTime {
  #now: number

  constructor(now: number = 0) {
    this.#now = now
  }

  get now(): number {
    return this.#now
  }

  /**
   * Adds what a client proves to have passed since the current time was set. A stamp with an older time proves nothing about the entries after it:
   * a lease that started meanwhile would end early.
   */
  advance({ time, elapsedMs }: Stamp): void {
    if (time === this.#now && elapsedMs >= STEP_MS_MIN) this.#now += Math.min(elapsedMs, STEP_MS_MAX)
  }

  /**
   * When a lease that starts now ends. The next step may have begun just before now; every later one proves what it adds. So a lease lasts at least
   * `ttlMs` of real time, whatever other clients send.
   */
  endOfLease(ttlMs: number): number {
    return this.#now + STEP_MS_MAX + ttlMs
  }
}

/** Makes the stamps of a client. */
export class Stamper {
  readonly #clock: Clock
  #time = 0
  #since: number | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  stamp(): Stamp {
    const elapsedMs = this.#since === undefined ? 0 : Math.floor(this.#clock.now() - this.#since)
    return { time: this.#time, elapsedMs: Math.min(elapsedMs, STEP_MS_MAX) }
  }

  /** A result had this time. An older one than the last is that of a restored backup, or late; then its stamps have no effect. */
  onResult(time: number): void {
    if (this.#since !== undefined && time === this.#time) return
    this.#time = time
    this.#since = this.#clock.now()
  }
}

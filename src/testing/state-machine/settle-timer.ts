/** Limits the time in which a promise of a machine must settle, with one timer for all: a timer for each would take longer than the call. */

export interface Settled<Value> {
  readonly value: Value
}

/** A promise that is awaited. */
interface Awaited {
  /** Whether the timer has fired since the call began. */
  isOld: boolean
  end(): void
}

const timers = new Map<number, SettleTimer>()

/** Makes a call. Returns undefined if its promise has not settled after `ms` to `2 * ms` milliseconds. */
export async function settlesWithin<Value>(
  ms: number,
  call: () => Promise<Value>,
): Promise<Settled<Value> | undefined> {
  let timer = timers.get(ms)
  if (timer === undefined) {
    timer = new SettleTimer(ms, () => timers.delete(ms))
    timers.set(ms, timer)
  }
  return timer.limit(call)
}

class SettleTimer {
  readonly #awaited = new Set<Awaited>()
  readonly #timer: NodeJS.Timeout
  /** Whether a call has begun since the timer fired. */
  #isUsed = false

  constructor(ms: number, onStopped: () => void) {
    this.#timer = setInterval(() => {
      if (this.#isUsed || this.#awaited.size > 0) return this.#fire()
      clearInterval(this.#timer)
      onStopped()
    }, ms)
  }

  async limit<Value>(call: () => Promise<Value>): Promise<Settled<Value> | undefined> {
    this.#isUsed = true
    // While a promise is awaited, the process must not end before the timer fires.
    if (this.#awaited.size === 0) this.#timer.ref()
    let awaited: Awaited | undefined
    try {
      return await new Promise<Settled<Value> | undefined>((resolve, reject) => {
        awaited = { isOld: false, end: () => resolve(undefined) }
        this.#awaited.add(awaited)
        call().then((value) => resolve({ value }), reject)
      })
    } finally {
      this.#awaited.delete(awaited as Awaited)
      if (this.#awaited.size === 0) this.#timer.unref()
    }
  }

  #fire(): void {
    this.#isUsed = false
    for (const awaited of this.#awaited)
      if (awaited.isOld) awaited.end()
      else awaited.isOld = true
  }
}

/** Many deadlines, one timer: a timer for each request would cost more than the request. */
import type { Clock, Timer } from '../../contracts/clock.ts'

export interface HasDeadline {
  /** On the clock's scale. */
  readonly deadline: number
}

/** Expiry may be this late, so that many deadlines close together cost one look through all. */
const SLACK_MS = 5

/** Watches a set that others fill and empty; only the earliest deadline arms the timer. */
export class Deadlines<Item extends HasDeadline> {
  readonly #clock: Clock
  readonly #items: () => Iterable<Item>
  readonly #onExpired: (item: Item) => void
  #timer: Timer | undefined
  #dueAt = Infinity

  /** `items` gives what is waiting at the time; `onExpired` is expected to take an item out of that. */
  constructor(clock: Clock, items: () => Iterable<Item>, onExpired: (item: Item) => void) {
    this.#clock = clock
    this.#items = items
    this.#onExpired = onExpired
  }

  /** To be called with each new item. */
  watch({ deadline }: Item): void {
    if (deadline < this.#dueAt) this.#arm(deadline)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#dueAt = Infinity
  }

  #arm(dueAt: number): void {
    this.#timer?.cancel()
    this.#dueAt = dueAt
    this.#timer = this.#clock.wakeAt(dueAt, () => this.#expire())
  }

  #expire(): void {
    this.#dueAt = Infinity
    const now = this.#clock.now()
    const expired: Item[] = []
    let next = Infinity
    for (const item of this.#items()) {
      if (item.deadline <= now) expired.push(item)
      else next = Math.min(next, item.deadline)
    }
    if (next < Infinity) this.#arm(Math.max(next, now + SLACK_MS))
    for (const item of expired) this.#onExpired(item)
  }
}

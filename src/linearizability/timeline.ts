/** A linked list of the starts and ends of calls in time order. Lifting a call removes it from the list; unlifting restores it. */
import type { Interval } from './interval.ts'

/** A sentinel before the first event. */
const HEAD = 0

export class Timeline {
  /** For each event, the position of its call and whether the event is the call's end. */
  readonly #positions: number[] = [-1]
  readonly #isEnd: boolean[] = [false]
  /** Links between the events that are not lifted. */
  readonly #next: Int32Array
  readonly #previous: Int32Array
  /** For each call, its events. An open call has no end event; its entry is HEAD. */
  readonly #starts: Int32Array
  readonly #ends: Int32Array

  constructor(intervals: readonly Pick<Interval<unknown, unknown>, 'from' | 'to'>[]) {
    const events = intervals.flatMap(({ from, to }, position) => [
      { at: from, position, isEnd: false },
      { at: to, position, isEnd: true },
    ])
    // At one instant, starts come before ends: calls that touch are concurrent.
    events.sort((a, b) => (a.at === b.at ? Number(a.isEnd) - Number(b.isEnd) : a.at < b.at ? -1 : 1))
    this.#starts = new Int32Array(intervals.length)
    this.#ends = new Int32Array(intervals.length)
    for (const { at, position, isEnd } of events) {
      if (at === Number.POSITIVE_INFINITY) continue
      const eventsOfCalls = isEnd ? this.#ends : this.#starts
      eventsOfCalls[position] = this.#positions.length
      this.#positions.push(position)
      this.#isEnd.push(isEnd)
    }
    const count = this.#positions.length
    this.#next = Int32Array.from({ length: count }, (_, event) => (event + 1) % count)
    this.#previous = Int32Array.from({ length: count }, (_, event) => (event + count - 1) % count)
  }

  /** The calls that can be linearized next: those that start before the first end. `firstEnd` is the call that ends first, or -1. */
  candidates(): { readonly positions: readonly number[]; readonly firstEnd: number } {
    const positions: number[] = []
    let event = this.#next[HEAD] as number
    while (event !== HEAD && this.#isEnd[event] !== true) {
      positions.push(this.#positions[event] as number)
      event = this.#next[event] as number
    }
    return { positions, firstEnd: this.#positions[event] as number }
  }

  lift(position: number): void {
    this.#unlink(this.#starts[position] as number)
    const end = this.#ends[position] as number
    if (end !== HEAD) this.#unlink(end)
  }

  /** Calls must be unlifted in the reverse order of lifting. */
  unlift(position: number): void {
    const end = this.#ends[position] as number
    if (end !== HEAD) this.#relink(end)
    this.#relink(this.#starts[position] as number)
  }

  #unlink(event: number): void {
    const [next, previous] = [this.#next[event] as number, this.#previous[event] as number]
    this.#next[previous] = next
    this.#previous[next] = previous
  }

  #relink(event: number): void {
    this.#next[this.#previous[event] as number] = event
    this.#previous[this.#next[event] as number] = event
  }
}

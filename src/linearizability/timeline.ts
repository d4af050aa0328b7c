/** The beginnings and ends of calls in order of time, from which calls are lifted and put back; any call before the first end may be next. */
import type { Interval } from './interval.ts'

/** Stands before the first event. */
const HEAD = 0

export class Timeline {
  /** Of each event: the place of its call, and whether it is the end. */
  readonly #positions: number[] = [-1]
  readonly #isEnd: boolean[] = [false]
  /** The chain of the events that are not lifted. */
  readonly #next: Int32Array
  readonly #previous: Int32Array
  /** Of each call its events; it has no end if it is open. */
  readonly #begins: Int32Array
  readonly #ends: Int32Array

  constructor(intervals: readonly Pick<Interval<unknown, unknown>, 'from' | 'to'>[]) {
    const events = intervals.flatMap(({ from, to }, place) => [
      { at: from, place, isEnd: false },
      { at: to, place, isEnd: true },
    ])
    // Of one instant, beginnings come first: calls that touch are simultaneous.
    events.sort((a, b) => (a.at === b.at ? Number(a.isEnd) - Number(b.isEnd) : a.at < b.at ? -1 : 1))
    this.#begins = new Int32Array(intervals.length)
    this.#ends = new Int32Array(intervals.length)
    for (const { at, place, isEnd } of events) {
      if (at === Number.POSITIVE_INFINITY) continue
      const chain = isEnd ? this.#ends : this.#begins
      chain[place] = this.#positions.length
      this.#positions.push(place)
      this.#isEnd.push(isEnd)
    }
    const count = this.#positions.length
    this.#next = Int32Array.from({ length: count }, (_, event) => (event + 1) % count)
    this.#previous = Int32Array.from({ length: count }, (_, event) => (event + count - 1) % count)
  }

  /** The calls of which none must come before another, and the call whose end is the first (-1, if none has an end). */
  candidates(): { readonly positions: readonly number[]; readonly firstEnd: number } {
    const places: number[] = []
    let event = this.#next[HEAD] as number
    while (event !== HEAD && this.#isEnd[event] !== true) {
      places.push(this.#positions[event] as number)
      event = this.#next[event] as number
    }
    return { positions: places, firstEnd: this.#positions[event] as number }
  }

  lift(position: number): void {
    this.#unlink(this.#begins[position] as number)
    const end = this.#ends[position] as number
    if (end !== HEAD) this.#unlink(end)
  }

  /** In the reverse order of lifting. */
  unlift(position: number): void {
    const end = this.#ends[position] as number
    if (end !== HEAD) this.#relink(end)
    this.#relink(this.#begins[position] as number)
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

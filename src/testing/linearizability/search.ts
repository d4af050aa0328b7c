/** Looks for an order of calls that the model explains: depth first, after Wing and Gong, with Lowe's memory of where it has been. */
import { isDeepStrictEqual } from 'node:util'
import type { Interval } from './interval.ts'
import type { Model } from './model.ts'
import { Timeline } from './timeline.ts'
import { Visited } from './visited.ts'
import { wordsOfOperation } from './words.ts'

export interface Placed<State, Operation, Result> {
  readonly interval: Interval<Operation, Result>
  /** What the model tells, and the state after it. */
  readonly result: Result
  readonly state: State
}

export type Search<State, Operation, Result> =
  /** Open calls that need not have taken effect are left out. */
  | { readonly type: 'found'; readonly order: readonly Placed<State, Operation, Result>[]; readonly steps: number }
  /** There is none; calls that ended before the blocking one can be ordered, if nothing else must be. */
  | { readonly type: 'none'; readonly blocking: Interval<Operation, Result>; readonly steps: number }
  | { readonly type: 'spent'; readonly steps: number }

/** One way on: a call that can be next, and what it leads to. */
interface Choice<State, Result> {
  readonly place: number
  readonly result: Result
  readonly state: State
  readonly hash: string
}

/** Where the search stands: what was chosen to come here (nothing at the beginning), and the ways on that are left. */
interface Stand<State, Result> {
  readonly chosen: Choice<State, Result> | undefined
  readonly state: State
  readonly hash: string
  /** Where it stood before, if it came here by an open call. */
  readonly before: Stand<State, Result> | undefined
  /** The last is tried first. */
  readonly left: Choice<State, Result>[]
  /** Whether the open calls were looked at: they come last, for there may be many, and few are needed. */
  hasOpen: boolean
}

/** So many steps are watched for a model that changes the state it is given. */
const WATCHED_STEPS = 200

/** Steps are calls of the model's `step`. */
export function search<State, Operation, Result>(
  model: Model<State, Operation, Result>,
  intervals: readonly Interval<Operation, Result>[],
  stepsMax: number,
): Search<State, Operation, Result> {
  return new Searcher(model, intervals, stepsMax).run()
}

class Searcher<State, Operation, Result> {
  readonly #model: Model<State, Operation, Result>
  readonly #intervals: readonly Interval<Operation, Result>[]
  readonly #stepsMax: number
  readonly #timeline: Timeline
  readonly #visited: Visited
  /** Of each call its number among those of its kind: with a result, or open. */
  readonly #numbers: readonly number[]
  /** Of an open call: the last one before it with an equal operation. */
  readonly #twins: ReadonlyMap<number, number>
  /** Of each call with an end: how many end before it. */
  readonly #ranks: ReadonlyMap<number, number>
  #required: number
  #steps = 0
  #blocking = -1

  constructor(
    model: Model<State, Operation, Result>,
    intervals: readonly Interval<Operation, Result>[],
    stepsMax: number,
  ) {
    this.#model = model
    this.#intervals = intervals
    this.#stepsMax = stepsMax
    this.#timeline = new Timeline(intervals)
    const ends = intervals.map((_, place) => place).filter((place) => !this.#isOpen(place))
    ends.sort(
      (a, b) => (intervals[a] as Interval<Operation, Result>).to - (intervals[b] as Interval<Operation, Result>).to,
    )
    this.#ranks = new Map(ends.map((place, rank) => [place, rank]))
    this.#required = ends.length
    let [required, open] = [0, 0]
    this.#numbers = intervals.map((_, place) => (this.#isOpen(place) ? open++ : required++))
    this.#visited = new Visited(required, open)
    this.#twins = twinsAmong(intervals)
  }

  run(): Search<State, Operation, Result> {
    const state = this.#model.initial()
    const path = [this.#stand({ chosen: undefined, state, hash: this.#model.hash(state), before: undefined })]
    while (this.#required > 0) {
      const stand = path.at(-1)
      if (stand === undefined) return this.#none()
      if (this.#steps > this.#stepsMax) return { type: 'spent', steps: this.#steps }
      const next = stand.left.pop()
      if (next !== undefined) {
        this.#place(next.place)
        const before = this.#isOpen(next.place) ? stand : undefined
        if (!this.#visited.enter(next.hash)) this.#unplace(next.place)
        else path.push(this.#stand({ chosen: next, state: next.state, hash: next.hash, before }))
      } else if (stand.hasOpen) {
        path.pop()
        if (stand.chosen !== undefined) this.#unplace(stand.chosen.place)
      } else {
        stand.hasOpen = true
        stand.left.push(...this.#openChoices(stand))
      }
    }
    const order = path.flatMap(({ chosen }) => chosen ?? [])
    return {
      type: 'found',
      order: order.map(({ place, result, state }) => ({ interval: this.#interval(place), result, state })),
      steps: this.#steps,
    }
  }

  /**
   * A call that fits and never changes anything is the only way on: wherever it could come later, it can as well be here. If the
   * call that must end first does not fit, whatever makes it fit is tried before anything else.
   */
  #stand(come: Omit<Stand<State, Result>, 'left' | 'hasOpen'>): Stand<State, Result> {
    const { places, firstEnd } = this.#timeline.front()
    const required: Choice<State, Result>[] = []
    for (const place of places) {
      if (this.#isOpen(place)) continue
      const choice = this.#step(place, come.state, come.hash)
      if (!this.#interval(place).fits(choice.result)) continue
      if (this.#interval(place).isIdle) return { ...come, left: [this.#assertIdle(choice, come.hash)], hasOpen: true }
      required.push(choice)
    }
    this.#note(firstEnd)
    required.sort((a, b) => this.#rank(b.place) - this.#rank(a.place))
    if (firstEnd === -1 || required.at(-1)?.place === firstEnd) return { ...come, left: required, hasOpen: false }
    const isUrgent = (choice: Choice<State, Result>): boolean => this.#fitsAfter(choice, firstEnd)
    const urgent = required.filter(isUrgent)
    const rest = required.filter((choice) => !urgent.includes(choice))
    if (urgent.length > 0) return { ...come, left: [...rest, ...urgent], hasOpen: false }
    const open = this.#openChoices(come)
    const urgentOpen = open.filter(isUrgent)
    const restOpen = open.filter((choice) => !urgentOpen.includes(choice))
    return { ...come, left: [...restOpen, ...rest, ...urgentOpen], hasOpen: true }
  }

  /**
   * Open calls that can be next. One that would change nothing here is left for later, and one that leads to the same state as
   * without the open call just placed is not tried: it can do without.
   */
  #openChoices({
    state,
    hash,
    before,
  }: Pick<Stand<State, Result>, 'state' | 'hash' | 'before'>): Choice<State, Result>[] {
    return this.#timeline
      .front()
      .places.filter((place) => this.#isOpen(place) && this.#isWorthwhile(place))
      .map((place) => this.#step(place, state, hash))
      .filter((choice) => choice.hash !== hash)
      .filter(({ place, hash }) => before === undefined || this.#step(place, before.state, before.hash).hash !== hash)
      .reverse()
  }

  #fitsAfter({ state, hash }: Choice<State, Result>, place: number): boolean {
    return this.#interval(place).fits(this.#step(place, state, hash).result)
  }

  #step(place: number, state: State, hash: string): Choice<State, Result> {
    const after = this.#model.step(state, this.#interval(place).call.operation)
    if (++this.#steps <= WATCHED_STEPS && this.#model.hash(state) !== hash)
      throw new TypeError(
        "the model's step() changed the state that it was given: it must leave it alone and return a new one",
      )
    return { place, result: after.result, state: after.state, hash: this.#model.hash(after.state) }
  }

  #assertIdle(choice: Choice<State, Result>, hash: string): Choice<State, Result> {
    if (choice.hash !== hash)
      throw new TypeError(
        `the model's changesNothing() says so of an operation that changes a state, ${wordsOfOperation(this.#interval(choice.place).call.operation)}`,
      )
    return choice
  }

  /** Of equal open calls, the first goes first. */
  #isWorthwhile(place: number): boolean {
    const twin = this.#twins.get(place)
    return twin === undefined || this.#visited.isSpent(this.#numbers[twin] as number)
  }

  /** Remembers the furthest end that stood in the way. */
  #note(firstEnd: number): void {
    if (firstEnd !== -1 && (this.#blocking === -1 || this.#rank(firstEnd) > this.#rank(this.#blocking)))
      this.#blocking = firstEnd
  }

  #none(): Search<State, Operation, Result> {
    return { type: 'none', blocking: this.#interval(this.#blocking), steps: this.#steps }
  }

  #place(place: number): void {
    this.#timeline.lift(place)
    this.#flip(place, -1)
  }

  #unplace(place: number): void {
    this.#timeline.putBack(place)
    this.#flip(place, 1)
  }

  #flip(place: number, required: number): void {
    const number = this.#numbers[place] as number
    if (this.#isOpen(place)) return this.#visited.flipSpent(number)
    this.#visited.flipPlaced(number)
    this.#required += required
  }

  #isOpen(place: number): boolean {
    return this.#interval(place).to === Number.POSITIVE_INFINITY
  }

  #rank(place: number): number {
    return this.#ranks.get(place) as number
  }

  #interval(place: number): Interval<Operation, Result> {
    return this.#intervals[place] as Interval<Operation, Result>
  }
}

/** By place, in order of their beginnings. */
function twinsAmong<Operation, Result>(intervals: readonly Interval<Operation, Result>[]): Map<number, number> {
  const twins = new Map<number, number>()
  const seen: number[] = []
  const open = intervals.flatMap(({ from, to }, place) => (to === Number.POSITIVE_INFINITY ? [{ from, place }] : []))
  open.sort((a, b) => a.from - b.from)
  for (const { place } of open) {
    const { operation } = (intervals[place] as Interval<Operation, Result>).call
    const at = seen.findIndex((other) =>
      isDeepStrictEqual((intervals[other] as Interval<Operation, Result>).call.operation, operation),
    )
    if (at === -1) seen.push(place)
    else {
      twins.set(place, seen[at] as number)
      seen[at] = place
    }
  }
  return twins
}

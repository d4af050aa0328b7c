/** Looks for an order of calls that the model explains: depth first, after Wing and Gong, with Lowe's memory of where it has been. */
import { isDeepStrictEqual } from 'node:util'
import { formatOperation } from './format.ts'
import type { Interval } from './interval.ts'
import type { Model } from './model.ts'
import { Timeline } from './timeline.ts'
import { VisitedStates } from './visited-states.ts'

export interface LinearizedCall<State, Operation, Result> {
  readonly interval: Interval<Operation, Result>
  /** What the model tells, and the state after it. */
  readonly result: Result
  readonly state: State
}

export type SearchOutcome<State, Operation, Result> =
  /** Open calls that need not have taken effect are left out. */
  | {
      readonly type: 'found'
      readonly order: readonly LinearizedCall<State, Operation, Result>[]
      readonly steps: number
    }
  /** There is none; calls that ended before the blocking one can be ordered, if nothing else must be. */
  | { readonly type: 'none'; readonly blocking: Interval<Operation, Result>; readonly steps: number }
  | { readonly type: 'spent'; readonly steps: number }

/** One way on: a call that can be next, and what it leads to. */
interface Candidate<State, Result> {
  readonly position: number
  readonly result: Result
  readonly state: State
  readonly hash: string
}

/** Where the search stands: what was chosen to come here (nothing at the beginning), and the ways on that are left. */
interface SearchNode<State, Result> {
  readonly chosen: Candidate<State, Result> | undefined
  readonly state: State
  readonly hash: string
  /** Where it stood before, if it came here by an open call. */
  readonly before: SearchNode<State, Result> | undefined
  /** The last is tried first. */
  readonly left: Candidate<State, Result>[]
  /** Whether the open calls were looked at: they come last, for there may be many, and few are needed. */
  hasOpen: boolean
}

/** So many steps are watched for a model that changes the state it is given. */
const PURITY_CHECK_STEPS = 200

/** Steps are calls of the model's `step`. */
export function search<State, Operation, Result>(
  model: Model<State, Operation, Result>,
  intervals: readonly Interval<Operation, Result>[],
  stepsMax: number,
): SearchOutcome<State, Operation, Result> {
  return new Searcher(model, intervals, stepsMax).run()
}

class Searcher<State, Operation, Result> {
  readonly #model: Model<State, Operation, Result>
  readonly #intervals: readonly Interval<Operation, Result>[]
  readonly #stepsMax: number
  readonly #timeline: Timeline
  readonly #visited: VisitedStates
  /** Of each call its number among those of its kind: with a result, or open. */
  readonly #numbers: readonly number[]
  /** Of an open call: the last one before it with an equal operation. */
  readonly #equalPredecessors: ReadonlyMap<number, number>
  /** Of each call with an end: how many end before it. */
  readonly #ranks: ReadonlyMap<number, number>
  #answeredLeft: number
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
    this.#answeredLeft = ends.length
    let [required, open] = [0, 0]
    this.#numbers = intervals.map((_, place) => (this.#isOpen(place) ? open++ : required++))
    this.#visited = new VisitedStates(required, open)
    this.#equalPredecessors = findEqualPredecessors(intervals)
  }

  run(): SearchOutcome<State, Operation, Result> {
    const state = this.#model.initial()
    const path = [this.#createNode({ chosen: undefined, state, hash: this.#model.hash(state), before: undefined })]
    while (this.#answeredLeft > 0) {
      const stand = path.at(-1)
      if (stand === undefined) return this.#noOrder()
      if (this.#steps > this.#stepsMax) return { type: 'spent', steps: this.#steps }
      const next = stand.left.pop()
      if (next !== undefined) {
        this.#linearize(next.position)
        const before = this.#isOpen(next.position) ? stand : undefined
        if (!this.#visited.addIfNew(next.hash)) this.#undo(next.position)
        else path.push(this.#createNode({ chosen: next, state: next.state, hash: next.hash, before }))
      } else if (stand.hasOpen) {
        path.pop()
        if (stand.chosen !== undefined) this.#undo(stand.chosen.position)
      } else {
        stand.hasOpen = true
        stand.left.push(...this.#openCandidates(stand))
      }
    }
    const order = path.flatMap(({ chosen }) => chosen ?? [])
    return {
      type: 'found',
      order: order.map(({ position, result, state }) => ({ interval: this.#interval(position), result, state })),
      steps: this.#steps,
    }
  }

  /**
   * A call that fits and never changes anything is the only way on: wherever it could come later, it can as well be here. If the
   * call that must end first does not fit, whatever makes it fit is tried before anything else.
   */
  #createNode(come: Omit<SearchNode<State, Result>, 'left' | 'hasOpen'>): SearchNode<State, Result> {
    const { positions, firstEnd } = this.#timeline.candidates()
    const required: Candidate<State, Result>[] = []
    for (const place of positions) {
      if (this.#isOpen(place)) continue
      const choice = this.#step(place, come.state, come.hash)
      if (!this.#interval(place).fits(choice.result)) continue
      if (this.#interval(place).isReadOnly)
        return { ...come, left: [this.#assertReadOnly(choice, come.hash)], hasOpen: true }
      required.push(choice)
    }
    this.#recordBlocking(firstEnd)
    required.sort((a, b) => this.#rank(b.position) - this.#rank(a.position))
    if (firstEnd === -1 || required.at(-1)?.position === firstEnd) return { ...come, left: required, hasOpen: false }
    const isUrgent = (choice: Candidate<State, Result>): boolean => this.#fitsAfter(choice, firstEnd)
    const urgent = required.filter(isUrgent)
    const rest = required.filter((choice) => !urgent.includes(choice))
    if (urgent.length > 0) return { ...come, left: [...rest, ...urgent], hasOpen: false }
    const open = this.#openCandidates(come)
    const urgentOpen = open.filter(isUrgent)
    const restOpen = open.filter((choice) => !urgentOpen.includes(choice))
    return { ...come, left: [...restOpen, ...rest, ...urgentOpen], hasOpen: true }
  }

  /**
   * Open calls that can be next. One that would change nothing here is left for later, and one that leads to the same state as
   * without the open call just placed is not tried: it can do without.
   */
  #openCandidates({
    state,
    hash,
    before,
  }: Pick<SearchNode<State, Result>, 'state' | 'hash' | 'before'>): Candidate<State, Result>[] {
    return this.#timeline
      .candidates()
      .positions.filter((place) => this.#isOpen(place) && this.#isFirstOfEqualCalls(place))
      .map((place) => this.#step(place, state, hash))
      .filter((choice) => choice.hash !== hash)
      .filter(
        ({ position, hash }) => before === undefined || this.#step(position, before.state, before.hash).hash !== hash,
      )
      .reverse()
  }

  #fitsAfter({ state, hash }: Candidate<State, Result>, position: number): boolean {
    return this.#interval(position).fits(this.#step(position, state, hash).result)
  }

  #step(position: number, state: State, hash: string): Candidate<State, Result> {
    const after = this.#model.step(state, this.#interval(position).call.operation)
    if (++this.#steps <= PURITY_CHECK_STEPS && this.#model.hash(state) !== hash)
      throw new TypeError(
        "the model's step() changed the state that it was given: it must leave it alone and return a new one",
      )
    return { position, result: after.result, state: after.state, hash: this.#model.hash(after.state) }
  }

  #assertReadOnly(candidate: Candidate<State, Result>, hash: string): Candidate<State, Result> {
    if (candidate.hash !== hash)
      throw new TypeError(
        `the model's changesNothing() says so of an operation that changes a state, ${formatOperation(this.#interval(candidate.position).call.operation)}`,
      )
    return candidate
  }

  /** Of equal open calls, the first goes first. */
  #isFirstOfEqualCalls(position: number): boolean {
    const equalPredecessor = this.#equalPredecessors.get(position)
    return equalPredecessor === undefined || this.#visited.hasOpen(this.#numbers[equalPredecessor] as number)
  }

  /** Remembers the furthest end that stood in the way. */
  #recordBlocking(firstEnd: number): void {
    if (firstEnd !== -1 && (this.#blocking === -1 || this.#rank(firstEnd) > this.#rank(this.#blocking)))
      this.#blocking = firstEnd
  }

  #noOrder(): SearchOutcome<State, Operation, Result> {
    return { type: 'none', blocking: this.#interval(this.#blocking), steps: this.#steps }
  }

  #linearize(position: number): void {
    this.#timeline.lift(position)
    this.#toggle(position, -1)
  }

  #undo(position: number): void {
    this.#timeline.unlift(position)
    this.#toggle(position, 1)
  }

  #toggle(position: number, required: number): void {
    const number = this.#numbers[position] as number
    if (this.#isOpen(position)) return this.#visited.flipOpen(number)
    this.#visited.flipAnswered(number)
    this.#answeredLeft += required
  }

  #isOpen(position: number): boolean {
    return this.#interval(position).to === Number.POSITIVE_INFINITY
  }

  #rank(position: number): number {
    return this.#ranks.get(position) as number
  }

  #interval(position: number): Interval<Operation, Result> {
    return this.#intervals[position] as Interval<Operation, Result>
  }
}

/** By place, in order of their beginnings. */
function findEqualPredecessors<Operation, Result>(
  intervals: readonly Interval<Operation, Result>[],
): Map<number, number> {
  const equalPredecessors = new Map<number, number>()
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
      equalPredecessors.set(place, seen[at] as number)
      seen[at] = place
    }
  }
  return equalPredecessors
}

/** Searches for a linearization, depth first: the algorithm of Wing and Gong (1993) with the cache of visited states of Lowe (2017). */
import { formatOperation } from './format.ts'
import type { Interval } from './interval.ts'
import type { Model } from './model.ts'
import { Timeline } from './timeline.ts'
import { isDeepEqual } from './values.ts'
import { VisitedStates } from './visited-states.ts'

export interface LinearizedCall<State, Operation, Result> {
  readonly interval: Interval<Operation, Result>
  /** The model's result, and the state after the call. */
  readonly result: Result
  readonly state: State
}

export type SearchOutcome<State, Operation, Result> =
  /** `order` is a linearization. It omits open calls that need not have taken effect. */
  | {
      readonly type: 'found'
      readonly order: readonly LinearizedCall<State, Operation, Result>[]
      readonly steps: number
    }
  /** No linearization exists. The calls that ended before `blocking` have one, if no later call must be included. */
  | { readonly type: 'none'; readonly blocking: Interval<Operation, Result>; readonly steps: number }
  /** The search stopped at `stepsMax`. */
  | { readonly type: 'exhausted'; readonly steps: number }

/** A call that can be linearized next, and its outcome. `position` is its offset in the intervals. */
interface Candidate<State, Result> {
  readonly position: number
  readonly result: Result
  readonly state: State
  readonly hash: string
}

/** A node of the search tree. */
interface SearchNode<State, Result> {
  /** The call that led to this node; undefined at the root. */
  readonly chosen: Candidate<State, Result> | undefined
  readonly state: State
  readonly hash: string
  /** The parent node, if `chosen` is an open call. */
  readonly openCallParent: SearchNode<State, Result> | undefined
  /** Calls still to try, last one first. */
  readonly candidates: Candidate<State, Result>[]
  /** Whether `candidates` includes open calls. They are added last: there may be many, and few are needed. */
  includesOpenCalls: boolean
}

/** The first steps of a search also check that the model's `step` does not change its argument. */
const PURITY_CHECK_STEPS = 200

/** `stepsMax` limits the calls of the model's `step`. */
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
  /** For each call, its number among the answered calls or among the open calls. */
  readonly #numbers: readonly number[]
  /** For an open call, the previous open call with an equal operation. */
  readonly #equalPredecessors: ReadonlyMap<number, number>
  /** For each answered call, how many calls end before it. */
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
    const ends = intervals.map((_, position) => position).filter((position) => !this.#isOpen(position))
    ends.sort(
      (a, b) => (intervals[a] as Interval<Operation, Result>).to - (intervals[b] as Interval<Operation, Result>).to,
    )
    this.#ranks = new Map(ends.map((position, rank) => [position, rank]))
    this.#answeredLeft = ends.length
    let [answered, open] = [0, 0]
    this.#numbers = intervals.map((_, position) => (this.#isOpen(position) ? open++ : answered++))
    this.#visited = new VisitedStates(answered, open)
    this.#equalPredecessors = findEqualPredecessors(intervals)
  }

  run(): SearchOutcome<State, Operation, Result> {
    const state = this.#model.initial()
    const path = [
      this.#createNode({ chosen: undefined, state, hash: this.#model.hash(state), openCallParent: undefined }),
    ]
    while (this.#answeredLeft > 0) {
      const node = path.at(-1)
      if (node === undefined) return this.#noOrder()
      if (this.#steps > this.#stepsMax) return { type: 'exhausted', steps: this.#steps }
      const next = node.candidates.pop()
      if (next !== undefined) {
        this.#linearize(next.position)
        const openCallParent = this.#isOpen(next.position) ? node : undefined
        if (!this.#visited.addIfNew(next.hash)) this.#undo(next.position)
        else path.push(this.#createNode({ chosen: next, state: next.state, hash: next.hash, openCallParent }))
      } else if (node.includesOpenCalls) {
        path.pop()
        if (node.chosen !== undefined) this.#undo(node.chosen.position)
      } else {
        node.includesOpenCalls = true
        node.candidates.push(...this.#openCandidates(node))
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
   * A read-only call that fits is the only candidate: it fits here as well as anywhere later. If the call that must end first does
   * not fit, calls that make it fit are tried before all others.
   */
  #createNode(reached: Omit<SearchNode<State, Result>, 'candidates' | 'includesOpenCalls'>): SearchNode<State, Result> {
    const { positions, firstEnd } = this.#timeline.candidates()
    const answered: Candidate<State, Result>[] = []
    for (const position of positions) {
      if (this.#isOpen(position)) continue
      const candidate = this.#step(position, reached.state, reached.hash)
      if (!this.#interval(position).fits(candidate.result)) continue
      if (this.#interval(position).isReadOnly) {
        const candidates = [this.#assertReadOnly(candidate, reached.hash)]
        return { ...reached, candidates, includesOpenCalls: true }
      }
      answered.push(candidate)
    }
    this.#recordBlocking(firstEnd)
    answered.sort((a, b) => this.#rank(b.position) - this.#rank(a.position))
    if (firstEnd === -1 || answered.at(-1)?.position === firstEnd)
      return { ...reached, candidates: answered, includesOpenCalls: false }
    const isUrgent = (candidate: Candidate<State, Result>): boolean => this.#fitsAfter(candidate, firstEnd)
    const urgent = answered.filter(isUrgent)
    const rest = answered.filter((candidate) => !urgent.includes(candidate))
    if (urgent.length > 0) return { ...reached, candidates: [...rest, ...urgent], includesOpenCalls: false }
    const open = this.#openCandidates(reached)
    const urgentOpen = open.filter(isUrgent)
    const restOpen = open.filter((candidate) => !urgentOpen.includes(candidate))
    return { ...reached, candidates: [...restOpen, ...rest, ...urgentOpen], includesOpenCalls: true }
  }

  /**
   * Open calls that can be linearized next. A call that would not change the state is not a candidate. Neither is one that leads to
   * the same state with and without the open call just linearized: that call is then not needed.
   */
  #openCandidates({
    state,
    hash,
    openCallParent,
  }: Pick<SearchNode<State, Result>, 'state' | 'hash' | 'openCallParent'>): Candidate<State, Result>[] {
    return this.#timeline
      .candidates()
      .positions.filter((position) => this.#isOpen(position) && this.#isFirstOfEqualCalls(position))
      .map((position) => this.#step(position, state, hash))
      .filter((candidate) => candidate.hash !== hash)
      .filter((candidate) => {
        if (openCallParent === undefined) return true
        return this.#step(candidate.position, openCallParent.state, openCallParent.hash).hash !== candidate.hash
      })
      .reverse()
  }

  #fitsAfter({ state, hash }: Candidate<State, Result>, position: number): boolean {
    return this.#interval(position).fits(this.#step(position, state, hash).result)
  }

  #step(position: number, state: State, hash: string): Candidate<State, Result> {
    const after = this.#model.step(state, this.#interval(position).call.operation)
    if (++this.#steps <= PURITY_CHECK_STEPS && this.#model.hash(state) !== hash)
      throw new TypeError(
        "the model's step() changed the state it was given: it must return a new state and leave the argument unchanged",
      )
    return { position, result: after.result, state: after.state, hash: this.#model.hash(after.state) }
  }

  #assertReadOnly(candidate: Candidate<State, Result>, hash: string): Candidate<State, Result> {
    if (candidate.hash !== hash)
      throw new TypeError(
        `the model's changesNothing() returned true for an operation that changes the state: ${formatOperation(this.#interval(candidate.position).call.operation)}`,
      )
    return candidate
  }

  /** Equal open calls are linearized in the order of their starts: any other order is equivalent. */
  #isFirstOfEqualCalls(position: number): boolean {
    const equalPredecessor = this.#equalPredecessors.get(position)
    return equalPredecessor === undefined || this.#visited.hasOpen(this.#numbers[equalPredecessor] as number)
  }

  /** Records the latest end that blocked the search. */
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

  #toggle(position: number, answeredDelta: number): void {
    const number = this.#numbers[position] as number
    if (this.#isOpen(position)) return this.#visited.flipOpen(number)
    this.#visited.flipAnswered(number)
    this.#answeredLeft += answeredDelta
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

/** Maps the position of each open call to that of the previous open call, by start, with an equal operation. */
function findEqualPredecessors<Operation, Result>(
  intervals: readonly Interval<Operation, Result>[],
): Map<number, number> {
  const equalPredecessors = new Map<number, number>()
  const seen: number[] = []
  const open = intervals.flatMap(({ from, to }, position) =>
    to === Number.POSITIVE_INFINITY ? [{ from, position }] : [],
  )
  open.sort((a, b) => a.from - b.from)
  for (const { position } of open) {
    const { operation } = (intervals[position] as Interval<Operation, Result>).call
    const at = seen.findIndex((other) =>
      isDeepEqual((intervals[other] as Interval<Operation, Result>).call.operation, operation),
    )
    if (at === -1) seen.push(position)
    else {
      equalPredecessors.set(position, seen[at] as number)
      seen[at] = position
    }
  }
  return equalPredecessors
}

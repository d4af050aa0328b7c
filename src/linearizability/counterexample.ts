/** The reason why a history is not linearizable: the first answer that no order explains, and what it could have been. */
import type { RecordedCall } from './history.ts'
import { historyPrefix, type Interval, openInterval } from './interval.ts'
import { equality, type Model } from './model.ts'
import { type LinearizedCall, type SearchOutcome, search } from './search.ts'

/** How many possible results are reported. */
const RESULTS_MAX = 4
/** The step limit of each search made here: a multiple of the steps of the failed search, but at least STEPS_MIN. */
const STEPS_FACTOR = 4
const STEPS_MIN = 20_000

interface CounterexampleInput<State, Operation, Result> {
  readonly model: Model<State, Operation, Result>
  readonly key: string | undefined
  /** All calls on this key, including the rejected ones. */
  readonly calls: readonly RecordedCall<Operation, Result>[]
  readonly intervals: readonly Interval<Operation, Result>[]
  readonly failed: Extract<SearchOutcome<State, Operation, Result>, { readonly type: 'none' }>
}

export class Counterexample<State, Operation, Result> {
  readonly key: string | undefined
  /** How many answers, in the order in which they were given, have an order that explains them. */
  readonly explainedCount: number
  /** The call with the first answer that no order explains. Some order explains all answers before it. */
  readonly culprit: Interval<Operation, Result>
  /** The history up to the answer of the culprit. Calls that were answered later are open. */
  readonly window: readonly Interval<Operation, Result>[]
  /** A linearization of the window with any result for the culprit; undefined if the step limit was reached. */
  readonly precedingOrder: readonly LinearizedCall<State, Operation, Result>[] | undefined
  /** Results that the culprit could have returned. There are more if `hasMore`. */
  readonly possibleResults: readonly Result[]
  readonly hasMore: boolean
  /** The last position in `precedingOrder` at which the answer of the culprit is correct; undefined if there is none. */
  readonly lastValidPosition: number | undefined
  /** Rejected calls that would explain the culprit if they had taken effect. */
  readonly suspects: readonly RecordedCall<Operation, Result>[]
  readonly #model: Model<State, Operation, Result>
  readonly #stepsMax: number

  constructor({ model, key, calls, intervals, failed }: CounterexampleInput<State, Operation, Result>) {
    this.#model = model
    this.#stepsMax = Math.max(STEPS_MIN, failed.steps * STEPS_FACTOR)
    this.key = key
    const ends = intervals.filter(({ to }) => to !== Number.POSITIVE_INFINITY).sort((a, b) => a.to - b.to)
    this.explainedCount = this.#firstFailing(intervals, ends, ends.indexOf(failed.blocking))
    this.culprit = ends[this.explainedCount] as Interval<Operation, Result>
    this.window = historyPrefix(intervals, ends, this.explainedCount)
    this.precedingOrder = this.#findOrder(this.#windowWith(openInterval(this.culprit.call)))
    const possible = this.#findPossibleResults()
    this.possibleResults = possible.slice(0, RESULTS_MAX)
    this.hasMore = possible.length > RESULTS_MAX
    this.lastValidPosition = this.#findLastValidPosition()
    this.suspects = this.#findSuspects(calls)
  }

  /** Finds by binary search the first answer that cannot be explained. Answers before `least` can. */
  #firstFailing(
    intervals: readonly Interval<Operation, Result>[],
    ends: readonly Interval<Operation, Result>[],
    least: number,
  ): number {
    let [from, to] = [least, ends.length - 1]
    let middle = least
    while (from < to) {
      if (search(this.#model, historyPrefix(intervals, ends, middle), this.#stepsMax).type === 'none') to = middle
      else from = middle + 1
      middle = Math.floor((from + to) / 2)
    }
    return to
  }

  /** Repeatedly finds an order, excludes the culprit's result in it, and searches again. */
  #findPossibleResults(): Result[] {
    const results: Result[] = []
    const equal = equality(this.#model)
    const isNew = (result: Result): boolean => !results.some((other) => equal(other, result))
    while (results.length <= RESULTS_MAX) {
      const order = this.#findOrder(this.#windowWith({ ...this.culprit, fits: isNew, isReadOnly: false }))
      const own = order?.find(({ interval }) => interval.call === this.culprit.call)
      if (own === undefined) return results
      results.push(own.result)
    }
    return results
  }

  #findLastValidPosition(): number | undefined {
    const { precedingOrder = [] } = this
    const own = precedingOrder.findIndex(({ interval }) => interval.call === this.culprit.call)
    for (let placed = own === -1 ? precedingOrder.length : own; placed >= 0; placed--) {
      const state =
        placed === 0
          ? this.#model.initial()
          : (precedingOrder[placed - 1] as LinearizedCall<State, Operation, Result>).state
      if (this.culprit.fits(this.#model.step(state, this.culprit.call.operation).result)) return placed
    }
    return undefined
  }

  #findSuspects(calls: readonly RecordedCall<Operation, Result>[]): RecordedCall<Operation, Result>[] {
    const rejected = calls.filter(({ answer, calledAt }) => answer?.type === 'rejected' && calledAt <= this.culprit.to)
    const order = rejected.length === 0 ? undefined : this.#findOrder([...this.window, ...rejected.map(openInterval)])
    return (order ?? []).map(({ interval }) => interval.call).filter(({ answer }) => answer?.type === 'rejected')
  }

  #windowWith(culprit: Interval<Operation, Result>): Interval<Operation, Result>[] {
    return this.window.map((interval) => (interval.call === culprit.call ? culprit : interval))
  }

  #findOrder(
    intervals: readonly Interval<Operation, Result>[],
  ): readonly LinearizedCall<State, Operation, Result>[] | undefined {
    const found = search(this.#model, intervals, this.#stepsMax)
    return found.type === 'found' ? found.order : undefined
  }
}

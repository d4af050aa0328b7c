/** The heart of a history that cannot be explained: the first answer that nothing fits, and what it should have been. */
import type { RecordedCall } from './history.ts'
import { historyPrefix, type Interval, openInterval } from './interval.ts'
import { equality, type Model } from './model.ts'
import { type LinearizedCall, type SearchOutcome, search } from './search.ts'

/** Of results that would have been right, so many are looked for. */
const RESULTS_MAX = 4
/** To explain a history, no search is made longer than so many times the one that found it wrong, and never shorter than this. */
const STEPS_FACTOR = 4
const STEPS_MIN = 20_000

interface CounterexampleInput<State, Operation, Result> {
  readonly model: Model<State, Operation, Result>
  readonly key: string | undefined
  /** On this key, the rejected ones too. */
  readonly calls: readonly RecordedCall<Operation, Result>[]
  readonly intervals: readonly Interval<Operation, Result>[]
  readonly failed: Extract<SearchOutcome<State, Operation, Result>, { readonly type: 'none' }>
}

export class Counterexample<State, Operation, Result> {
  readonly key: string | undefined
  /** How many calls the part has, and how many of them were answered before the culprit was. */
  readonly size: number
  readonly explainedCount: number
  /** The first answer that cannot be: without it, all that were given before can be explained. */
  readonly culprit: Interval<Operation, Result>
  /** What had been called when the culprit was answered; what was not yet answered is open. */
  readonly window: readonly Interval<Operation, Result>[]
  /** An order that explains the window, whatever the culprit was told; undefined if it was too much work to find. */
  readonly precedingOrder: readonly LinearizedCall<State, Operation, Result>[] | undefined
  /** What the culprit could have been told; more than these, if `hasMore`. */
  readonly possibleResults: readonly Result[]
  readonly hasMore: boolean
  /** How many calls of `before` are placed when the culprit would last have been right, and nothing if it never was. */
  readonly lastValidPosition: number | undefined
  /** Calls that were rejected, and would explain the culprit if they had taken effect. */
  readonly suspects: readonly RecordedCall<Operation, Result>[]
  readonly #model: Model<State, Operation, Result>
  readonly #stepsMax: number

  constructor({ model, key, calls, intervals, failed }: CounterexampleInput<State, Operation, Result>) {
    this.#model = model
    this.#stepsMax = Math.max(STEPS_MIN, failed.steps * STEPS_FACTOR)
    this.key = key
    this.size = calls.length
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

  /** How many answers can be explained, in the order they were given; `least` of them surely can. */
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

  /** Finds an order, forbids what the culprit is told in it, and looks for another. */
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

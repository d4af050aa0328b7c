/** Whether what clients saw could have been the work of one machine, doing one call at a time. */
import { Counterexample } from './counterexample.ts'
import { counterexampleHtml } from './counterexample-html.ts'
import { counterexampleText } from './counterexample-text.ts'
import type { RecordedCall } from './history.ts'
import { assertCall, type Interval, intervalOf } from './interval.ts'
import type { Model } from './model.ts'
import { type LinearizedCall, search } from './search.ts'

export type LinearizabilityVerdict<Operation, Result> =
  /** One order that explains all; calls that are not needed for it and of which nothing was heard are left out. */
  | {
      readonly verdict: 'linearizable'
      readonly order: readonly RecordedCall<Operation, Result>[]
      readonly steps: number
    }
  /** There is none: why, for a person to read, and as one HTML page that needs nothing else. */
  | { readonly verdict: 'violated'; readonly explanation: string; html(): string; readonly steps: number }
  /** It was given up after so many steps. */
  | { readonly verdict: 'undecided'; readonly steps: number }

export interface LinearizabilityOptions {
  /** How often the model may be stepped before the answer is 'undecided'; 2,000,000 unless given, which is some seconds. */
  readonly stepsMax?: number | undefined
}

/** What `stepsMax` is unless given. */
export const LINEARIZABILITY_STEPS_MAX = 2_000_000

/**
 * Judges a history by a model. Calls that were rejected must have had no effect; of calls of which nothing is known any effect is
 * allowed, from when they were made, or none.
 */
export function checkLinearizable<State, Operation, Result>(
  model: Model<State, Operation, Result>,
  history: Iterable<RecordedCall<Operation, Result>>,
  options: LinearizabilityOptions = {},
): LinearizabilityVerdict<Operation, Result> {
  const { stepsMax = LINEARIZABILITY_STEPS_MAX } = options
  const calls = [...history]
  for (const [place, call] of calls.entries()) assertCall(call, place)
  let steps = 0
  let isUndecided = false
  const orders: (readonly LinearizedCall<State, Operation, Result>[])[] = []
  for (const [key, part] of partitionByKey(model, calls)) {
    const intervals = part.filter(({ answer }) => answer?.type !== 'rejected').map((call) => intervalOf(model, call))
    const outcome = search(model, intervals, Math.max(0, stepsMax - steps))
    steps += outcome.steps
    if (outcome.type === 'none') {
      const found = new Counterexample({ model, key, calls: part, intervals, failed: outcome })
      return {
        verdict: 'violated',
        explanation: counterexampleText(found),
        html: () => counterexampleHtml(found),
        steps,
      }
    }
    if (outcome.type === 'spent') isUndecided = true
    else orders.push(outcome.order)
  }
  return isUndecided ? { verdict: 'undecided', steps } : { verdict: 'linearizable', order: mergeOrders(orders), steps }
}

/** The calls on each key, small parts first: they are quickly judged, should the steps not be enough for all. */
function partitionByKey<Operation, Result>(
  model: Model<unknown, Operation, Result>,
  calls: readonly RecordedCall<Operation, Result>[],
): [string | undefined, RecordedCall<Operation, Result>[]][] {
  const parts = new Map<string | undefined, RecordedCall<Operation, Result>[]>()
  for (const call of calls) {
    const key = model.key?.(call.operation)
    const part = parts.get(key)
    if (part === undefined) parts.set(key, [call])
    else part.push(call)
  }
  return [...parts].sort(([, a], [, b]) => a.length - b.length)
}

/** One order of all parts: each call at the first instant at which its part's order lets it take effect. */
function mergeOrders<Operation, Result>(
  orders: readonly (readonly { readonly interval: Interval<Operation, Result> }[])[],
): RecordedCall<Operation, Result>[] {
  const placed = orders.flatMap((order) => {
    let at = Number.NEGATIVE_INFINITY
    return order.map(({ interval }) => {
      at = Math.max(at, interval.from)
      return { at, call: interval.call }
    })
  })
  return placed.sort((a, b) => a.at - b.at).map(({ call }) => call)
}

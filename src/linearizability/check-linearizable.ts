/** Checks whether a history of calls is linearizable with respect to a model. */
import { Counterexample } from './counterexample.ts'
import { counterexampleHtml } from './counterexample-html.ts'
import { counterexampleText } from './counterexample-text.ts'
import type { RecordedCall } from './history.ts'
import { assertCall, type Interval, intervalOf } from './interval.ts'
import type { Model } from './model.ts'
import { type LinearizedCall, search } from './search.ts'

/** The result of a check. `steps` counts calls of the model's `step`. */
export type LinearizabilityVerdict<Operation, Result> =
  /** `order` is a linearization. It omits calls with an unknown outcome that need not have taken effect. */
  | {
      readonly verdict: 'linearizable'
      readonly order: readonly RecordedCall<Operation, Result>[]
      readonly steps: number
    }
  /** No linearization exists. `explanation` is plain text, `html()` a self-contained page with a diagram. */
  | { readonly verdict: 'violated'; readonly explanation: string; html(): string; readonly steps: number }
  /** The check stopped at `stepsMax` without a result. */
  | { readonly verdict: 'undecided'; readonly steps: number }

export interface LinearizabilityOptions {
  /** How many calls of the model's `step` a check may make before it returns 'undecided'. Default 2,000,000: a few seconds. */
  readonly stepsMax?: number | undefined
}

/** The default of `stepsMax`. */
export const LINEARIZABILITY_STEPS_MAX = 2_000_000

/**
 * Checks a history against a model (Herlihy and Wing 1990). A rejected call must have had no effect. A call with an unknown
 * outcome, or without an answer, may have taken effect at any time after it was called, or never. The time is exponential in the
 * worst case, with many concurrent or unknown calls on one key. Throws a RangeError if a call of the history is invalid, and a
 * TypeError if the model's `step` changes its argument or its `changesNothing` is wrong.
 */
export function checkLinearizable<State, Operation, Result>(
  model: Model<State, Operation, Result>,
  history: Iterable<RecordedCall<Operation, Result>>,
  options: LinearizabilityOptions = {},
): LinearizabilityVerdict<Operation, Result> {
  const { stepsMax = LINEARIZABILITY_STEPS_MAX } = options
  const calls = [...history]
  for (const [position, call] of calls.entries()) assertCall(call, position)
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
    if (outcome.type === 'exhausted') isUndecided = true
    else orders.push(outcome.order)
  }
  return isUndecided ? { verdict: 'undecided', steps } : { verdict: 'linearizable', order: mergeOrders(orders), steps }
}

/** The calls of each key, smallest part first: a violation in a small part is found even if `stepsMax` is too low for all. */
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

/** Merges the orders of all keys. Each call takes effect at the earliest instant that the order of its key allows. */
function mergeOrders<Operation, Result>(
  orders: readonly (readonly { readonly interval: Interval<Operation, Result> }[])[],
): RecordedCall<Operation, Result>[] {
  const linearized = orders.flatMap((order) => {
    let at = Number.NEGATIVE_INFINITY
    return order.map(({ interval }) => {
      at = Math.max(at, interval.from)
      return { at, call: interval.call }
    })
  })
  return linearized.sort((a, b) => a.at - b.at).map(({ call }) => call)
}

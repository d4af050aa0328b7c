/** Checks the history of the clients for linearizability, key by key, each with its own limit of work. */
import { checkLinearizable, keyValueModel, type LinearizabilityVerdict } from '../src/linearizability/index.ts'
import type { Call, Operation, Result } from './workload/operations.ts'

export type Verdict =
  | { readonly verdict: 'linearizable'; readonly keys: number; readonly steps: number }
  | { readonly verdict: 'violated'; readonly key: string; readonly explanation: string; readonly html: () => string }
  | { readonly verdict: 'undecided'; readonly keys: readonly string[] }

/** The limit of the check of a retired key during the run; what stays undecided is checked again at the end. */
const QUICK_STEPS = 100_000

const model = keyValueModel<string>()

export function checkQuickly(calls: Iterable<Call>): LinearizabilityVerdict<Operation, Result> {
  return checkLinearizable(model, calls, { stepsMax: QUICK_STEPS })
}

export function checkHistory(histories: Iterable<readonly [key: string, calls: Iterable<Call>]>): Verdict {
  const undecided: string[] = []
  let [keys, steps] = [0, 0]
  for (const [key, calls] of histories) {
    const found = checkLinearizable(model, calls)
    if (found.verdict === 'violated')
      return { verdict: 'violated', key, explanation: found.explanation, html: () => found.html() }
    if (found.verdict === 'undecided') undecided.push(key)
    keys++
    steps += found.steps
  }
  return undecided.length > 0 ? { verdict: 'undecided', keys: undecided } : { verdict: 'linearizable', keys, steps }
}

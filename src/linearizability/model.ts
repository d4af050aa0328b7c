/** A sequential specification of an object: what each operation does to its state, and what it returns. */
import { isDeepEqual, objectText } from './values.ts'

/** A sequential specification, against which `checkLinearizable` checks a history. */
export interface Model<State, Operation, Result> {
  initial(): State
  /** Applies an operation. It must return a new state and leave the one it was given unchanged. */
  step(state: State, operation: Operation): { readonly state: State; readonly result: Result }
  /** A string that is equal for equal states and different for different ones. */
  hash(state: State): string
  /** Compares a recorded result with the model's. Deep equality by default. */
  equal?(returned: Result, modelled: Result): boolean
  /**
   * The key that an operation concerns, if operations on different keys are independent. Each key then has its own state and is
   * checked separately, which is much faster.
   */
  key?(operation: Operation): string
  /**
   * Whether an operation that returned this result never changes the state: a read, or a failed compare-and-set. Optional; it makes
   * the check faster.
   */
  changesNothing?(operation: Operation, result: Result): boolean
}

/** The comparison of results that a model uses. */
export function equality<Result>(
  model: Model<unknown, never, Result>,
): (returned: Result, modelled: Result) => boolean {
  return model.equal?.bind(model) ?? isDeepEqual
}

/** A string that differs for any two different values: `1` and `'1'`, `0` and `-0`. Objects are compared by content. */
export function canonicalText(value: unknown): string {
  if (typeof value === 'object' && value !== null) return objectText(value)
  return Object.is(value, -0) ? 'number -0' : `${typeof value} ${String(value)}`
}

/** What a service should do, as one plain value and one step at a time: the measure a history is held against. */
import { isDeepStrictEqual } from 'node:util'
import { serialize } from 'node:v8'

export interface Model<State, Operation, Result> {
  initial(): State
  /** What an operation does to a state, and what its caller is told. It must not change the state that it is given. */
  step(state: State, operation: Operation): { readonly state: State; readonly result: Result }
  /** A text for each state, never the same for two that differ. */
  hash(state: State): string
  /** Whether two results are the same; compared in depth, unless this says otherwise. */
  equal?(returned: Result, modelled: Result): boolean
  /**
   * What the operation is about, if operations on different keys have nothing to do with each other: each key then has a state
   * of its own, and is judged by itself, which is much faster.
   */
  key?(operation: Operation): string
  /** Whether an operation that is told this never changes the state, as a read: what is known of that makes judging faster. */
  changesNothing?(operation: Operation, result: Result): boolean
}

/** How a model compares results. */
export function equality<Result>(model: Model<unknown, never, Result>): (told: Result, modelled: Result) => boolean {
  return model.equal?.bind(model) ?? isDeepStrictEqual
}

/** Tells every value from every other one: `1` from `'1'`, `0` from `-0`, and objects by what is in them. */
export function canonicalText(value: unknown): string {
  if (typeof value === 'object' && value !== null) return serialize(value).toString('latin1')
  return Object.is(value, -0) ? 'number -0' : `${typeof value} ${String(value)}`
}

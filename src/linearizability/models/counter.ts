/** The model of a counter. */
import type { Model } from '../model.ts'

export type CounterOperation = { readonly type: 'read' } | { readonly type: 'add'; readonly amount: number }

/** A read returns the value, an addition the value after it. */
export function counterModel(initial = 0): Model<number, CounterOperation, number> {
  return {
    initial: () => initial,
    step(state, operation) {
      const value = operation.type === 'add' ? state + operation.amount : state
      return { state: value, result: value }
    },
    hash: String,
    changesNothing: ({ type }) => type === 'read',
  }
}

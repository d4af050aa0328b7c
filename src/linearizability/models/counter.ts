/** A counter: an addition is told the sum. */
import type { Model } from '../model.ts'

export type CounterOperation = { readonly type: 'read' } | { readonly type: 'add'; readonly amount: number }

/** Both a read and an addition are told the value, the addition that after it. */
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

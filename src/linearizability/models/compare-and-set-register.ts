/** The model of a register with compare-and-set. */
import { canonicalText, type Model } from '../model.ts'
import { isDeepEqual } from '../values.ts'
import type { RegisterOperation } from './register.ts'

export type CompareAndSetOperation<Value> =
  | RegisterOperation<Value>
  | { readonly type: 'compareAndSet'; readonly expected: Value; readonly value: Value }

/** A read returns the value, a write undefined, and a compare-and-set whether it replaced the value. Values are compared by content. */
export function compareAndSetModel<Value>(
  initial: Value,
): Model<Value, CompareAndSetOperation<Value>, Value | boolean | undefined> {
  return {
    initial: () => initial,
    step(state, operation) {
      if (operation.type === 'read') return { state, result: state }
      if (operation.type === 'write') return { state: operation.value, result: undefined }
      const isDone = isDeepEqual(state, operation.expected)
      return { state: isDone ? operation.value : state, result: isDone }
    },
    hash: canonicalText,
    changesNothing: ({ type }, result) => type === 'read' || (type === 'compareAndSet' && result === false),
  }
}

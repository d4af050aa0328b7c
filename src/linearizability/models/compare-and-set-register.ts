/** A register that is also changed on a condition: if it holds what the caller expects. */
import { isDeepStrictEqual } from 'node:util'
import { canonicalText, type Model } from '../model.ts'
import type { RegisterOperation } from './register.ts'

export type CompareAndSetOperation<Value> =
  | RegisterOperation<Value>
  | { readonly type: 'compareAndSet'; readonly expected: Value; readonly value: Value }

/** A read is told the value, a compare-and-set whether it was done, a write nothing. */
export function compareAndSetModel<Value>(
  initial: Value,
): Model<Value, CompareAndSetOperation<Value>, Value | boolean | undefined> {
  return {
    initial: () => initial,
    step(state, operation) {
      if (operation.type === 'read') return { state, result: state }
      if (operation.type === 'write') return { state: operation.value, result: undefined }
      const isDone = isDeepStrictEqual(state, operation.expected)
      return { state: isDone ? operation.value : state, result: isDone }
    },
    hash: canonicalText,
    changesNothing: ({ type }, told) => type === 'read' || (type === 'compareAndSet' && told === false),
  }
}

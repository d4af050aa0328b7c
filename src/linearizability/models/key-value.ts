/** Values under keys; each key is judged by itself. */
import { isDeepStrictEqual } from 'node:util'
import { canonicalText, type Model } from '../model.ts'

export type KeyValueOperation<Value> =
  | { readonly type: 'get'; readonly key: string }
  | { readonly type: 'put'; readonly key: string; readonly value: Value }
  | { readonly type: 'delete'; readonly key: string }
  | {
      readonly type: 'compareAndSet'
      readonly key: string
      /** `undefined`: if there is none. */
      readonly expected: Value | undefined
      readonly value: Value
    }

/**
 * A get is told the value or `undefined`, a delete whether there was a value, a compare-and-set whether it was done, and a put
 * nothing.
 */
export function keyValueModel<Value>(): Model<
  Value | undefined,
  KeyValueOperation<Value>,
  Value | boolean | undefined
> {
  return {
    initial: () => undefined,
    step(state, operation) {
      if (operation.type === 'get') return { state, result: state }
      if (operation.type === 'put') return { state: operation.value, result: undefined }
      if (operation.type === 'delete') return { state: undefined, result: state !== undefined }
      const isDone = isDeepStrictEqual(state, operation.expected)
      return { state: isDone ? operation.value : state, result: isDone }
    },
    hash: canonicalText,
    changesNothing: ({ type }, told) => type === 'get' || (type !== 'put' && told === false),
    key: (operation) => operation.key,
  }
}

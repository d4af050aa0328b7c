/** The model of a key-value store. Each key is checked separately. */
import { canonicalText, type Model } from '../model.ts'
import { isDeepEqual } from '../values.ts'

export type KeyValueOperation<Value> =
  | { readonly type: 'get'; readonly key: string }
  | { readonly type: 'put'; readonly key: string; readonly value: Value }
  | { readonly type: 'delete'; readonly key: string }
  | {
      readonly type: 'compareAndSet'
      readonly key: string
      /** `undefined` means that the key must not exist. */
      readonly expected: Value | undefined
      readonly value: Value
    }

/**
 * A get returns the value or `undefined`, a put `undefined`, a delete whether the key existed, and a compare-and-set whether it
 * replaced the value. Values are compared by content.
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
      const isDone = isDeepEqual(state, operation.expected)
      return { state: isDone ? operation.value : state, result: isDone }
    },
    hash: canonicalText,
    changesNothing: ({ type }, result) => type === 'get' || (type !== 'put' && result === false),
    key: (operation) => operation.key,
  }
}

/** Values under keys; each key is judged by itself. */
import { type Model, type Scalar, scalarText } from '../model.ts'

export type KeyValueOperation<Value extends Scalar> =
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
export function keyValueModel<Value extends Scalar>(): Model<
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
      const isDone = scalarText(state) === scalarText(operation.expected)
      return { state: isDone ? operation.value : state, result: isDone }
    },
    hash: scalarText,
    equal: (told, modelled) => scalarText(told) === scalarText(modelled),
    key: (operation) => operation.key,
  }
}

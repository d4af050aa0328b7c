/** A register: a read tells what was written last. */
import { type Model, type Scalar, scalarText } from '../model.ts'

export type RegisterOperation<Value extends Scalar> =
  | { readonly type: 'read' }
  | { readonly type: 'write'; readonly value: Value }

/** A write is told nothing. */
export function registerModel<Value extends Scalar>(
  initial: Value,
): Model<Value, RegisterOperation<Value>, Value | undefined> {
  return {
    initial: () => initial,
    step: (state, operation) =>
      operation.type === 'read' ? { state, result: state } : { state: operation.value, result: undefined },
    hash: scalarText,
    equal: (told, modelled) => scalarText(told) === scalarText(modelled),
  }
}

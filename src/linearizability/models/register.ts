/** The model of a read-write register. */
import { canonicalText, type Model } from '../model.ts'

export type RegisterOperation<Value> = { readonly type: 'read' } | { readonly type: 'write'; readonly value: Value }

/** A read returns the value written last, a write `undefined`. */
export function registerModel<Value>(initial: Value): Model<Value, RegisterOperation<Value>, Value | undefined> {
  return {
    initial: () => initial,
    step: (state, operation) =>
      operation.type === 'read' ? { state, result: state } : { state: operation.value, result: undefined },
    hash: canonicalText,
    changesNothing: ({ type }) => type === 'read',
  }
}

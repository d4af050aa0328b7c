/** The model of a first-in, first-out queue. */
import { canonicalText, type Model } from '../model.ts'

export type QueueOperation<Value> = { readonly type: 'enqueue'; readonly value: Value } | { readonly type: 'dequeue' }

/** A dequeue returns the oldest value, or `undefined` if the queue is empty; an enqueue returns `undefined`. */
export function queueModel<Value>(): Model<readonly Value[], QueueOperation<Value>, Value | undefined> {
  return {
    initial: () => [],
    step(state, operation) {
      if (operation.type === 'enqueue') return { state: [...state, operation.value], result: undefined }
      return { state: state.slice(1), result: state[0] }
    },
    hash: (state) => JSON.stringify(state.map(canonicalText)),
  }
}

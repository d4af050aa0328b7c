/** Shorthands for the calls of a history, and a brute-force linearizability check to compare with. */

import { isDeepStrictEqual } from 'node:util'
import type { Model, RecordedCall } from 'quorate/linearizability'

type Client = string | number
type Span = readonly [calledAt: number, answeredAt: number]

export function ok<Operation, Result>(client: Client, [calledAt, at]: Span, operation: Operation, result: Result) {
  return { client, operation, calledAt, answer: { type: 'ok', at, result } } as const
}

export function unknown<Operation>(client: Client, [calledAt, at]: Span, operation: Operation) {
  return { client, operation, calledAt, answer: { type: 'unknown', at } } as const
}

export function rejected<Operation>(client: Client, [calledAt, at]: Span, operation: Operation) {
  return { client, operation, calledAt, answer: { type: 'rejected', at } } as const
}

/** Tries every order of every subset of the unknown calls. Exponential: for a handful of calls only. */
export function isLinearizableByBruteForce<State, Operation, Result>(
  model: Model<State, Operation, Result>,
  calls: readonly RecordedCall<Operation, Result>[],
): boolean {
  const left = new Set(calls.filter(({ answer }) => answer?.type !== 'rejected'))
  const endOf = ({ answer }: RecordedCall<Operation, Result>): number =>
    answer?.type === 'ok' ? answer.at : Number.POSITIVE_INFINITY
  const tryAll = (states: ReadonlyMap<string | undefined, State>): boolean => {
    if ([...left].every(({ answer }) => answer?.type !== 'ok')) return true
    for (const call of [...left]) {
      if ([...left].some((other) => endOf(other) < call.calledAt)) continue
      const key = model.key?.(call.operation)
      const state = states.has(key) ? (states.get(key) as State) : model.initial()
      const after = model.step(state, call.operation)
      if (call.answer?.type === 'ok' && !isDeepStrictEqual(call.answer.result, after.result)) continue
      left.delete(call)
      const isDone = tryAll(new Map(states).set(key, after.state))
      left.add(call)
      if (isDone) return true
    }
    return false
  }
  return tryAll(new Map())
}

/** A call as the search sees it: from when until when it may take effect, and what its result must be. */
import type { RecordedCall } from './history.ts'
import { equality, type Model } from './model.ts'

export interface Interval<Operation, Result> {
  readonly call: RecordedCall<Operation, Result>
  readonly from: number
  /** Infinity, if it may take effect at any time or never. */
  readonly to: number
  /** Whether the model's result is the one that was told. */
  fits(modelled: Result): boolean
  /** Whether, wherever its result fits, it changes nothing. */
  readonly isReadOnly: boolean
}

/** Of a call that was answered 'ok': it took effect before that, with that result. */
export function intervalOf<Operation, Result>(
  model: Model<unknown, Operation, Result>,
  call: RecordedCall<Operation, Result>,
): Interval<Operation, Result> {
  const { answer } = call
  if (answer?.type !== 'ok') return openInterval(call)
  const told = answer.result
  const equal = equality(model)
  const isIdle = model.changesNothing?.(call.operation, told) ?? false
  return { call, from: call.calledAt, to: answer.at, fits: (modelled) => equal(told, modelled), isReadOnly: isIdle }
}

/** Of a call of which nothing is known but when it was made. */
export function openInterval<Operation, Result>(call: RecordedCall<Operation, Result>): Interval<Operation, Result> {
  return { call, from: call.calledAt, to: Number.POSITIVE_INFINITY, fits: () => true, isReadOnly: false }
}

/** The intervals as they looked when the last of so many ends was seen: what was called later is not there, what ended later is open. */
export function historyPrefix<Operation, Result>(
  intervals: readonly Interval<Operation, Result>[],
  ends: readonly Interval<Operation, Result>[],
  last: number,
): Interval<Operation, Result>[] {
  const ended = new Set(ends.slice(0, last + 1))
  const { to } = ends[last] as Interval<Operation, Result>
  return intervals
    .filter(({ from }) => from <= to)
    .map((interval) => (ended.has(interval) ? interval : openInterval(interval.call)))
}

/** Throws if a call is not one: a checker must not judge what it cannot understand. */
export function assertCall(call: RecordedCall<unknown, unknown>, place: number): void {
  const { client, calledAt, answer } = call
  const what = `call ${place} of the history, by client ${client},`
  if (!Number.isFinite(calledAt))
    throw new RangeError(`${what} was called at ${calledAt}: times must be finite numbers`)
  if (answer === undefined) return
  if (!['ok', 'rejected', 'unknown'].includes(answer.type))
    throw new RangeError(`${what} was answered '${answer.type}': it must be 'ok', 'rejected' or 'unknown'`)
  if (!Number.isFinite(answer.at))
    throw new RangeError(`${what} was answered at ${answer.at}: times must be finite numbers`)
  if (answer.at < calledAt)
    throw new RangeError(
      `${what} was answered at ${answer.at}, before it was called at ${calledAt}: give the history a clock that never goes back`,
    )
}

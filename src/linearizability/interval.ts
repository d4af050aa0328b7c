/** The form in which the search sees a call: the time span in which it can take effect, and the results it accepts. */
import type { RecordedCall } from './history.ts'
import { equality, type Model } from './model.ts'

export interface Interval<Operation, Result> {
  readonly call: RecordedCall<Operation, Result>
  readonly from: number
  /** Infinity if the call is open: it may take effect at any later time, or never. */
  readonly to: number
  /** Whether the model's result matches the recorded one. */
  fits(modelled: Result): boolean
  /** Whether the operation, given that its result fits, cannot change the state. */
  readonly isReadOnly: boolean
}

/** A call answered 'ok' took effect before its answer and with that result. Any other call is open. */
export function intervalOf<Operation, Result>(
  model: Model<unknown, Operation, Result>,
  call: RecordedCall<Operation, Result>,
): Interval<Operation, Result> {
  const { answer } = call
  if (answer?.type !== 'ok') return openInterval(call)
  const { result } = answer
  const equal = equality(model)
  const isReadOnly = model.changesNothing?.(call.operation, result) ?? false
  return { call, from: call.calledAt, to: answer.at, fits: (modelled) => equal(result, modelled), isReadOnly }
}

/** The interval of a call whose outcome is unknown: only its start is known. */
export function openInterval<Operation, Result>(call: RecordedCall<Operation, Result>): Interval<Operation, Result> {
  return { call, from: call.calledAt, to: Number.POSITIVE_INFINITY, fits: () => true, isReadOnly: false }
}

/** The history as it was at `ends[last]`: calls that started later are removed, calls that ended later are open. */
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

/** Throws a RangeError if a call of the history is invalid. `position` is its array offset. */
export function assertCall(call: RecordedCall<unknown, unknown>, position: number): void {
  const { client, calledAt, answer } = call
  const subject = `call ${position} of the history, by client ${client},`
  if (!Number.isFinite(calledAt))
    throw new RangeError(`${subject} was called at ${calledAt}: times must be finite numbers`)
  if (answer === undefined) return
  if (!['ok', 'rejected', 'unknown'].includes(answer.type))
    throw new RangeError(`${subject} was answered '${answer.type}': it must be 'ok', 'rejected' or 'unknown'`)
  if (!Number.isFinite(answer.at))
    throw new RangeError(`${subject} was answered at ${answer.at}: times must be finite numbers`)
  if (answer.at < calledAt)
    throw new RangeError(
      `${subject} was answered at ${answer.at}, before it was called at ${calledAt}: use a clock that never goes backwards`,
    )
}

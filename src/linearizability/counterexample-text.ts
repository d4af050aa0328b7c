/** Formats a counterexample as text: the wrong answer, an order that explains the earlier answers, and a timeline. */
import type { Counterexample } from './counterexample.ts'
import { formatAnswer, formatCall, formatOperation, formatValue } from './format.ts'
import type { Interval } from './interval.ts'

/** The maximum number of rows of the two tables. The latest calls are shown. */
const ORDER_ROWS_MAX = 12
const TIMELINE_ROWS_MAX = 24

export function counterexampleText<State, Operation, Result>(found: Counterexample<State, Operation, Result>): string {
  return [...explanationSentences(found), '', ...orderLines(found), ...timelineLines(found)].join('\n')
}

export function explanationSentences<State, Operation, Result>(
  found: Counterexample<State, Operation, Result>,
): string[] {
  const { culprit, key, explainedCount, suspects } = found
  const where = key === undefined ? '' : ` on key ${formatValue(key)}`
  const { calledAt } = culprit.call
  return [
    `The history is not linearizable. The first ${explainedCount} answers${where} can be explained, but the next one cannot:`,
    `  ${formatCall(culprit.call)} returned ${formatAnswer(culprit.call)}, called at ${calledAt}, answered at ${culprit.to}`,
    possibleResultsSentence(found),
    lastValidSentence(found),
    ...suspects.map((call) => `It would be explained if ${formatCall(call)}, which was rejected, had taken effect.`),
  ]
}

function possibleResultsSentence<State, Operation, Result>({
  possibleResults,
  hasMore,
}: Counterexample<State, Operation, Result>): string {
  if (possibleResults.length === 0)
    return 'The results that would have been possible were not found within the step limit.'
  const results = possibleResults.map(formatValue).join(' or ')
  return `In every order that explains the earlier answers, it returns ${results}${hasMore ? ', or another value' : ''}.`
}

function lastValidSentence<State, Operation, Result>({
  precedingOrder,
  lastValidPosition,
}: Counterexample<State, Operation, Result>): string {
  if (precedingOrder === undefined)
    return 'An order that explains the earlier answers was not found within the step limit.'
  if (lastValidPosition === undefined) return 'In the order below, the answer is correct at no point.'
  const [after, next] = [precedingOrder[lastValidPosition - 1], precedingOrder[lastValidPosition]]
  const since = after === undefined ? 'at the start' : `after ${formatCall(after.interval.call)}`
  const until = next === undefined ? '' : `, until ${formatCall(next.interval.call)} takes effect`
  return `In the order below, the answer is correct ${since}${until}.`
}

function orderLines<State, Operation, Result>({
  precedingOrder = [],
  culprit,
}: Counterexample<State, Operation, Result>): string[] {
  if (precedingOrder.length === 0) return []
  const shown = precedingOrder.slice(-ORDER_ROWS_MAX)
  const rows = shown.map(({ interval: { call }, state }) => [
    `${call.client}`,
    formatOperation(call.operation),
    call === culprit.call ? 'this call' : formatAnswer(call),
    formatValue(state),
  ])
  const which =
    shown.length === precedingOrder.length ? '' : ` (the last ${shown.length} of ${precedingOrder.length} calls)`
  return [
    `An order that explains the earlier answers${which}:`,
    ...tableLines([['client', 'call', 'result', 'state after'], ...rows]),
    '',
  ]
}

/** A table with a row for each call and a column for each instant at which a call starts or ends. */
function timelineLines<State, Operation, Result>(found: Counterexample<State, Operation, Result>): string[] {
  const { window, culprit } = found
  const shown = latestCalls(found, TIMELINE_ROWS_MAX)
  const instants = shown.flatMap(({ from, to }) => (to === Number.POSITIVE_INFINITY ? [from] : [from, to]))
  const columns = [...new Set(instants)].sort((a, b) => a - b)
  const bar = ({ from, to }: Interval<Operation, Result>): string => {
    const begin = columns.indexOf(from)
    const end = columns.indexOf(to)
    if (end === -1) return `${' '.repeat(begin)}[${'-'.repeat(columns.length - begin - 1)}`
    return `${' '.repeat(begin)}${begin === end ? '|' : `[${'='.repeat(end - begin - 1)}]`}`
  }
  const rows = shown.map((interval) => [
    `${interval.call.client}`,
    formatOperation(interval.call.operation),
    interval.to === Number.POSITIVE_INFINITY ? '?' : formatAnswer(interval.call),
    `${bar(interval)}${interval === culprit ? '  <- impossible' : ''}`,
  ])
  const which = shown.length === window.length ? '' : `, the latest ${shown.length} of ${window.length} calls`
  return [
    `From ${columns[0]} to ${culprit.to}${which}; a column is the start or end of a call, [--- marks a call that was not yet answered:`,
    ...tableLines([['client', 'call', 'result', 'time'], ...rows]),
  ]
}

/** The calls of the window with the latest events, ordered by start. */
export function latestCalls<State, Operation, Result>(
  { window }: Counterexample<State, Operation, Result>,
  max: number,
): Interval<Operation, Result>[] {
  const lastEvent = ({ from, to }: Interval<Operation, Result>): number => (to === Number.POSITIVE_INFINITY ? from : to)
  const shown = [...window].sort((a, b) => lastEvent(a) - lastEvent(b)).slice(-max)
  return shown.sort((a, b) => a.from - b.from)
}

function tableLines(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] as readonly string[]).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  )
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] as number)).join('  ')}`.trimEnd())
}

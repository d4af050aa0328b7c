/** Writes the artifacts of a failed run: the history, the schedule, the report and the counterexample, beside the nodes' data and logs. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatReport } from './report.ts'
import type { ChaosOutcome } from './run.ts'
import type { Call } from './workload/operations.ts'

/** The schema in the first line of a history; readHistory rejects any other. */
export const HISTORY_SCHEMA = 'quorate.history/v1'

export function writeArtifacts(
  directory: string,
  outcome: ChaosOutcome,
  head: Readonly<Record<string, unknown>>,
): void {
  const { keys, verdict, nemesis } = outcome
  const write = (name: string, text: string): void => writeFileSync(join(directory, name), text)
  const calls = keys.flatMap(({ history }) => history.calls)
  write('history.jsonl', formatHistory(calls, head))
  write(
    'schedule.txt',
    nemesis.schedule.map(({ at, kind, action }) => `${at.toFixed(0)} ms  ${kind}  ${action}\n`).join(''),
  )
  write('report.txt', `${formatReport(outcome)}\n`)
  if (verdict.verdict !== 'violated') return
  write('counterexample.txt', `${verdict.explanation}\n`)
  write('counterexample.html', verdict.html())
}

/** JSON lines: the schema and `head` in the first line, then one line per call, ordered by start. */
export function formatHistory(calls: readonly Call[], head: Readonly<Record<string, unknown>>): string {
  const sorted = [...calls].sort((a, b) => a.calledAt - b.calledAt)
  return [{ schema: HISTORY_SCHEMA, ...head }, ...sorted].map((line) => `${JSON.stringify(line)}\n`).join('')
}

/** The calls of a history file by key. Throws if the file has another schema. */
export function readHistory(path: string): Map<string, Call[]> {
  const [first = '{}', ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n')
  const { schema } = JSON.parse(first) as { readonly schema?: unknown }
  if (schema !== HISTORY_SCHEMA)
    throw new Error(`${path} is not a history of this version: its schema is ${String(schema)}, not ${HISTORY_SCHEMA}`)
  const callsByKey = new Map<string, Call[]>()
  for (const line of lines) {
    const call = JSON.parse(line) as Call
    const { key } = call.operation
    const calls = callsByKey.get(key)
    if (calls === undefined) callsByKey.set(key, [call])
    else calls.push(call)
  }
  return callsByKey
}

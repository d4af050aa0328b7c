/** What is kept of a run that went wrong: the history, the counterexample, the schedule, beside the nodes' directories and logs. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatReport } from './report.ts'
import type { ChaosOutcome } from './run.ts'
import type { Call } from './workload/operations.ts'

/** The first line of a history; a reader that knows another one must refuse. */
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
    nemesis.schedule.map(({ at, kind, what }) => `${at.toFixed(0)} ms  ${kind}  ${what}\n`).join(''),
  )
  write('report.txt', `${formatReport(outcome)}\n`)
  if (verdict.verdict !== 'violated') return
  write('counterexample.txt', `${verdict.explanation}\n`)
  write('counterexample.html', verdict.html())
}

/** One line of what it is, then one line for each call, in order of their beginnings. */
export function formatHistory(calls: readonly Call[], head: Readonly<Record<string, unknown>>): string {
  const sorted = [...calls].sort((a, b) => a.calledAt - b.calledAt)
  return [{ schema: HISTORY_SCHEMA, ...head }, ...sorted].map((line) => `${JSON.stringify(line)}\n`).join('')
}

/** The calls of a kept history, by key; throws on what is none. */
export function readHistory(path: string): Map<string, Call[]> {
  const [first = '{}', ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n')
  const { schema } = JSON.parse(first) as { readonly schema?: unknown }
  if (schema !== HISTORY_SCHEMA)
    throw new Error(
      `${path} is no history that can be read here: its schema is ${String(schema)}, not ${HISTORY_SCHEMA}`,
    )
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

/** What is said of a run that failed: which promise, what happened, where it is written down, and how to see it again. */
import { PropertyViolation } from './properties/property.ts'
import { needsOf, runSpecOf, runToEnd } from './run-files/outcome.ts'
import { RUNS_DIRECTORY, writeRun } from './run-files/write-run.ts'
import type { History, SimulationOptions } from './simulate.ts'
import { formatFault } from './simulation/faults.ts'

export interface ReportOptions {
  /** How to say "run it again". */
  readonly replay: string
  /** Where the run is written; `quorate-runs` in the system's temporary directory, unless said otherwise. */
  readonly directory?: string | undefined
  /** How to say "replay what was written", where that takes what a file cannot hold. */
  readonly replayFile?: string | undefined
}

/** Lines of the trace before the failure that are shown; the whole of it is in `RandomHistory.trace`. */
const TRACE_LINES = 120
/** The format and the columns. */
const HEADER_LINES = 2

/**
 * Runs a failed plan once more, watching, writes it to a file, and tells of it. The plan is in it as JSON too:
 * `simulate(plan)` is the same run again.
 */
export async function reportOf(options: SimulationOptions, report: ReportOptions): Promise<string> {
  const spec = runSpecOf(options)
  const plan = { ...options, ...spec }
  const finished = await runToEnd({ ...plan, isTraced: true })
  const { history } = finished
  return [
    headline(history),
    '',
    ...(history.failure === undefined ? [] : [await describeFile(plan, finished, report), '']),
    `The plan: ${JSON.stringify(spec)}`,
    ...spec.faults.map((fault) => `  ${formatFault(fault)}`),
    '',
    ...lastLines(history.trace ?? ''),
    '',
    `To run it again: ${report.replay}`,
  ].join('\n')
}

async function describeFile(
  plan: SimulationOptions,
  finished: Parameters<typeof writeRun>[1],
  { directory = RUNS_DIRECTORY, replayFile }: ReportOptions,
): Promise<string> {
  const written = await writeRun(plan, finished, directory)
  if ('reason' in written) return `The run could not be written to ${directory}: ${written.reason}`
  const { path } = written
  const needs = needsOf(plan)
  if (needs.length === 0) return `The run is written down: quorate replay ${path}`
  const call = replayFile ?? `replayRun(text, { ${needs.join(', ')} })`
  return `The run is written down in ${path}: in a test, ${call} with its text`
}

function headline({ failure, events }: History): string {
  if (failure === undefined) return 'The run did not fail a second time: something in it is not determined by its seed.'
  const what = failure instanceof PropertyViolation ? failure.message : ((failure as Error).stack ?? String(failure))
  return `${what}\n(after ${events} events)`
}

function lastLines(trace: string): string[] {
  const lines = trace.trimEnd().split('\n')
  const left = lines.length - HEADER_LINES - TRACE_LINES
  if (left <= 0) return lines
  return [...lines.slice(0, HEADER_LINES), `  … ${left} lines before …`, ...lines.slice(-TRACE_LINES)]
}

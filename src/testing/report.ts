/** The report of a failed run: the violation, the plan, the end of the trace, the run file with its pages, and how to repeat the run. */
import { PropertyViolation } from './properties/property.ts'
import { needsOf, runSpecOf, runToEnd } from './run-files/outcome.ts'
import { pageLines } from './run-files/write-pages.ts'
import { RUNS_DIRECTORY, writeRun } from './run-files/write-run.ts'
import type { SimulationOptions, SimulationResult } from './simulate.ts'
import { formatFault } from './simulation/fault-text.ts'

export interface ReportOptions {
  /** The command that repeats the run. */
  readonly replay: string
  /** Directory for the run file; `quorate-runs` in the system's temporary directory by default. */
  readonly directory?: string | undefined
  /** The call that replays the run file, if the run needs code that a file cannot hold. */
  readonly replayFile?: string | undefined
}

/** Maximum number of trace lines in a report; `SimulationResult.trace` has all of them. */
const TRACE_LINES = 120
/** The format line and the column headings. */
const HEADER_LINES = 2

/**
 * Runs a failed plan again with a trace, writes it to a run file, and returns the report. The report contains the plan as JSON:
 * `simulate(plan)` repeats the run.
 */
export async function reportOf(options: SimulationOptions, report: ReportOptions): Promise<string> {
  const spec = runSpecOf(options)
  const plan = { ...options, ...spec }
  const finished = await runToEnd({ ...plan, isTraced: true })
  const { result } = finished
  return [
    headline(result),
    '',
    ...(result.failure === undefined ? [] : [await describeFile(plan, finished, report), '']),
    `The plan: ${JSON.stringify(spec)}`,
    ...spec.faults.map((fault) => `  ${formatFault(fault)}`),
    '',
    ...lastLines(result.trace ?? ''),
    '',
    `To run it again: ${report.replay}`,
  ].join('\n')
}

/** Runs a failed plan again, writes its run file and its pages, and returns lines that name them. */
export async function writeFilesOf(
  options: SimulationOptions,
  files: Pick<ReportOptions, 'directory' | 'replayFile'>,
): Promise<string> {
  const plan = { ...options, ...runSpecOf(options) }
  return describeFile(plan, await runToEnd({ ...plan, isTraced: true }), files)
}

async function describeFile(
  plan: SimulationOptions,
  finished: Parameters<typeof writeRun>[1],
  { directory = RUNS_DIRECTORY, replayFile }: Pick<ReportOptions, 'directory' | 'replayFile'>,
): Promise<string> {
  const written = await writeRun(plan, finished, directory)
  if ('reason' in written) return `The run file could not be written to ${directory}: ${written.reason}`
  const { path, pages } = written
  const seeing =
    typeof pages === 'string' ? [`The page for a browser could not be written: ${pages}`] : pageLines(pages)
  const needs = needsOf(plan)
  const call = replayFile ?? `replayRun(text, { ${needs.join(', ')} })`
  const replaying =
    needs.length === 0
      ? `To replay the run file: quorate replay ${path}`
      : `The run file is ${path}. To replay it in a test: ${call} with its text`
  return [replaying, ...seeing].join('\n')
}

function headline({ failure, events }: SimulationResult): string {
  if (failure === undefined)
    return 'The run did not fail again: it depends on something other than its plan and its seed.'
  const what = failure instanceof PropertyViolation ? failure.message : ((failure as Error).stack ?? String(failure))
  return `${what}\n(after ${events} events)`
}

function lastLines(trace: string): string[] {
  const lines = trace.trimEnd().split('\n')
  const left = lines.length - HEADER_LINES - TRACE_LINES
  if (left <= 0) return lines
  return [...lines.slice(0, HEADER_LINES), `  … ${left} earlier lines …`, ...lines.slice(-TRACE_LINES)]
}

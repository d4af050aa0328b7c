/** What is said of a run that failed: which promise, what happened, and how to see it again. */
import { BrokenPromise } from './properties/property.ts'
import type { History, SimulationOptions } from './simulate.ts'
import { simulate } from './simulate.ts'
import { wordsOfFault } from './simulation/faults.ts'

/** Lines of the trace before the failure that are shown; the whole of it is in `History.trace`. */
const TRACE_LINES = 120

/** Runs a failed plan once more, watching, and tells of it. The plan is in it as JSON: `simulate(plan)` is the same run again. */
export async function reportOf(plan: SimulationOptions, replay: string): Promise<string> {
  const history = await simulate({ ...plan, isTraced: true })
  const { seed, cluster, settings, workload, faults } = plan
  return [
    titleOf(history),
    '',
    `The plan: ${JSON.stringify({ seed, cluster, settings, workload, faults })}`,
    ...faults.map((fault) => `  ${wordsOfFault(fault)}`),
    '',
    ...lastLines(history.trace ?? ''),
    '',
    `To run it again: ${replay}`,
  ].join('\n')
}

function titleOf({ failure, events }: History): string {
  if (failure === undefined) return 'The run did not fail a second time: something in it is not determined by its seed.'
  const what = failure instanceof BrokenPromise ? failure.message : ((failure as Error).stack ?? String(failure))
  return `${what}\n(after ${events} events)`
}

function lastLines(trace: string): string[] {
  const lines = trace.trimEnd().split('\n')
  if (lines.length <= TRACE_LINES + 1) return lines
  return [lines[0] as string, `  … ${lines.length - 1 - TRACE_LINES} lines before …`, ...lines.slice(-TRACE_LINES)]
}

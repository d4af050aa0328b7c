/** Checks a state machine outside of a cluster: with many logs, and for calls of functions that it stored before. */
import { checkCapturedCalls } from './check-captured-calls.ts'
import type { CoverageToCount, LogsToCheck } from './check-logs.ts'
import { checkLogs } from './check-logs.ts'
import type { StateMachineCoverage } from './coverage.ts'
import { endAsyncCalls } from './determinism-guard.ts'
import type { MachineRule } from './machine-fault.ts'
import { MachineFault } from './machine-fault.ts'
import type { MachineSpec } from './machine-harness.ts'

/** Checks the machine outside of a cluster. Returns what the logs consisted of, and whether calls through stored references could be watched. */
export async function checkAlone<Command, Result>(
  spec: MachineSpec<Command, Result>,
  check: LogsToCheck<Command> & CoverageToCount<Command, Result>,
): Promise<{ readonly coverage: StateMachineCoverage; readonly isWatched: boolean }> {
  let isWatched: boolean | undefined
  // Not before the first logs: what the first machine does alone, such as to fill a cache of the module, must be seen there.
  const watch = async (): Promise<boolean> => {
    isWatched ??= await checkCapturedCalls(spec, check)
    return isWatched
  }
  const logs = await checkLogs(spec, check, async () => void (await watch())).catch((thrown: unknown) => ({ thrown }))
  if ('thrown' in logs && !isExplainedByCalls(logs.thrown)) throw logs.thrown
  const isAble = await watch()
  endAsyncCalls()
  if ('thrown' in logs) throw logs.thrown
  return { coverage: logs, isWatched: isAble }
}

/** Whether a call of a clock or of something else that differs between nodes can be the cause. */
function isExplainedByCalls(thrown: unknown): boolean {
  return thrown instanceof MachineFault && DIFFERENCES.has(thrown.rule)
}

const DIFFERENCES = new Set<MachineRule>([
  'deterministic',
  'no shared state',
  'clock',
  'restore replaces',
  'replay',
  'query',
  'digest',
  'snapshot isolation',
])

/** Applies logs to a state machine in a child process too, which must do the same. */
import { fc } from '../arbitraries/fast-check.ts'
import { describeFault } from './check-logs.ts'
import type { ResolvedCheck } from './check-options.ts'
import { checkRun, encodeLog } from './check-run.ts'
import { ChildTimeout, checkChildRun, runInChildProcess } from './child-process.ts'
import type { OtherRun } from './machine-fault.ts'
import { MachineFault } from './machine-fault.ts'
import type { MachineSpec } from './machine-harness.ts'
import { MachineHarness } from './machine-harness.ts'

/** Runs logs in a child process. The returned function runs them here and compares the results. Both throw a MachineFault. */
export async function runLogsInChildProcess<Command, Result>(
  spec: MachineSpec<Command, Result>,
  { commands, childProcess, logs, logEntriesMax, seed }: ResolvedCheck<Command, Result>,
): Promise<() => Promise<void>> {
  if (childProcess === undefined) return async () => {}
  const sampledLogs = fc.sample(fc.array(commands, { maxLength: logEntriesMax, size: 'max' }), { numRuns: logs, seed })
  // Shorter logs first, so that the reported one is easy to read.
  sampledLogs.sort((one, other) => one.length - other.length)
  /** Faults of the call name the commands of the log. */
  const inLog = async <Value>(offset: number, call: () => Value, other?: OtherRun): Promise<Awaited<Value>> => {
    try {
      return await call()
    } catch (fault) {
      throw fault instanceof MachineFault ? withCommands(fault, sampledLogs[offset] ?? [], seed, other) : fault
    }
  }
  const encoded: Awaited<ReturnType<typeof encodeLog>>[] = []
  for (const [offset, log] of sampledLogs.entries()) encoded.push(await inLog(offset, () => encodeLog(spec, log)))
  const bytes = encoded.map((entries) => entries.map((entry) => entry.bytes))
  const others = await runInChildProcess(childProcess, bytes, spec.deadlineMs).catch((fault: unknown) => {
    if (!(fault instanceof ChildTimeout)) throw fault
    throw withCommands(fault, sampledLogs[fault.log] ?? [], seed, fault.run)
  })
  return async () => {
    for (const [offset, entries] of encoded.entries()) {
      const here = await inLog(offset, () => checkRun(() => new MachineHarness(spec, entries), entries.length))
      const other = others[offset] as OtherRun
      await inLog(offset, () => checkChildRun(here, other, spec.resultCodec), other)
    }
  }
}

/** `other` is what the child process did, if that shows the fault. */
function withCommands<Command>(
  fault: MachineFault,
  log: readonly Command[],
  seed: number,
  other: OtherRun | undefined,
): MachineFault {
  const commands = log.slice(0, fault.commands)
  const described = describeFault({ fault, commands, contexts: undefined, otherCommands: [], isRepeated: true }, seed)
  if (described.shown !== undefined) described.shown = { ...described.shown, other }
  return described
}

/** Checks that a state machine does not call forbidden functions through references that it took before the check began. */
import type { Arbitrary } from 'fast-check'
import { fc } from '../arbitraries/fast-check.ts'
import { watchingOriginals } from './captured-calls.ts'
import { describeFault } from './check-logs.ts'
import { encodeLog } from './check-run.ts'
import { noteCallOfOriginal, originalCalls } from './determinism-guard.ts'
import type { GuardedKind } from './forbidden-call.ts'
import { MachineFault } from './machine-fault.ts'
import type { MachineSpec } from './machine-harness.ts'
import { MachineHarness } from './machine-harness.ts'

export interface CapturedCallsCheck<Command> {
  readonly commands: Arbitrary<Command>
  readonly logs: number
  readonly logEntriesMax: number
  readonly seed: number
}

/** Every call of a guarded function takes a hundred times as long while it is watched. */
const LOGS_MAX = 50

/** These are methods and classes, which are rarely stored. */
const METHODS: ReadonlySet<GuardedKind> = new Set(['timeZone', 'locale', 'garbageCollection'])
/**
 * Functions of V8 and of C++ that are rarely stored. Setting a breakpoint at such a function searches the whole heap, which takes 50 ms if it
 * has 100 MB.
 */
const NATIVES: ReadonlySet<string> = new Set([
  ...['availableMemory', 'constrainedMemory', 'getActiveResourcesInfo', 'abort', 'rss'],
  ...['getuid', 'geteuid', 'getgid', 'getegid', 'getgroups'],
])

/** Throws the fault of the smallest log found that makes such a call. Returns whether calls could be watched. */
export async function checkCapturedCalls<Command, Result>(
  spec: MachineSpec<Command, Result>,
  { commands, logs, logEntriesMax, seed }: CapturedCallsCheck<Command>,
): Promise<boolean> {
  const property = fc.asyncProperty(fc.array(commands, { maxLength: logEntriesMax, size: 'max' }), (log) =>
    callEverything(spec, log),
  )
  const watched = await watchingOriginals(
    originalCalls().filter(({ call }) => !METHODS.has(call.kind) && !NATIVES.has(call.name)),
    noteCallOfOriginal,
    () => fc.check(property, { numRuns: 1 + Math.min(logs, LOGS_MAX), seed, examples: [[[]]] }),
  )
  if (watched === undefined) return false
  const { failed, errorInstance: fault, counterexample } = watched.value
  if (!failed) return true
  if (!(fault instanceof MachineFault) || counterexample === null) throw fault
  const shown = counterexample[0].slice(0, fault.commands)
  throw describeFault({ fault, commands: shown, contexts: undefined, otherCommands: [], isRepeated: true }, seed)
}

/** Makes every kind of call once. Faults of other rules are left to the check of the logs, which names them better. */
async function callEverything<Command, Result>(
  spec: MachineSpec<Command, Result>,
  commands: readonly Command[],
): Promise<void> {
  try {
    const entries = encodeLog(spec, commands)
    const [machine, restored] = [new MachineHarness(spec, entries), new MachineHarness(spec, entries)]
    machine.applyAll(0, commands.length)
    for (const query of spec.queries) machine.query(query)
    machine.digest()
    const { bytes } = await machine.takeSnapshot()
    await restored.restore(bytes, commands.length, Math.max(1, bytes.length))
  } catch (thrown) {
    if (thrown instanceof MachineFault && thrown.rule === 'forbidden call') throw thrown
  }
}

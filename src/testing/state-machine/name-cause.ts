/** Repeats what showed a fault, and replaces the fault if the same commands do not always have the same outcome. */
import { setImmediate as turn } from 'node:timers/promises'
import type { LogMachines } from './check-restore.ts'
import { machineBefore } from './check-restore.ts'
import type { ExpectedRun } from './check-run.ts'
import { NotAlike, outputsOf, runAlone } from './check-run.ts'
import type { Cause, Difference } from './find-cause.ts'
import { findCause } from './find-cause.ts'
import { formatBoth } from './format-bytes.ts'
import type { LogPart, MachineRule, RestorePart } from './machine-fault.ts'
import { MachineFault } from './machine-fault.ts'

/** A cause of different outcomes, also one that `findCause` does not find. */
type NamedCause = Cause | 'after effect'

/** The rules that a machine also violates if every run of it differs. */
const MAY_BE_NONDETERMINISTIC: ReadonlySet<MachineRule> = new Set([
  'restore replaces',
  'replay',
  'digest',
  'query',
  'snapshot isolation',
  'no shared state',
])

/** Returns the fault, or one that names its cause. `expected` is the outcome of the log, if it was found. */
export async function nameCause<Command, Result>(
  machines: LogMachines<Command, Result>,
  fault: MachineFault,
  part: LogPart,
  expected: ExpectedRun | undefined,
): Promise<MachineFault> {
  const run = async (): Promise<readonly Buffer[]> => outputsOf(await runAlone(() => machines.at(0), machines.last))
  if (fault instanceof NotAlike) {
    const cause = (await findCause(run, fault.first))?.cause ?? 'shared state'
    if (cause === 'clock') return causedBy(cause, fault.message, fault.commands, { type: 'repeat' })
    const isLater = await changesLater(machines, fault.commands)
    return causedBy(isLater ? 'after effect' : cause, fault.message, fault.commands, part)
  }
  if (!MAY_BE_NONDETERMINISTIC.has(fault.rule)) return fault
  const found = await findCause(run, expected === undefined ? undefined : outputsOf(expected))
  if (found !== undefined) {
    if (fault.rule === 'no shared state' && found.cause !== 'clock') return fault
    const what = describeDifference(machines, found)
    return causedBy(found.cause, what, Math.min(found.offset + 1, machines.last), { type: 'repeat' })
  }
  if (part.type !== 'restore') return fault
  return (await findOtherMachine(machines, part)) ?? (await findInRestore(machines, part, fault.commands)) ?? fault
}

/** As `nameCause`, for a smaller log of a known fault, which is assumed to have the same cause. */
export async function nameKnownCause<Command, Result>(
  machines: LogMachines<Command, Result>,
  rule: MachineRule,
  fault: MachineFault,
  part: LogPart,
  expected: ExpectedRun | undefined,
): Promise<MachineFault> {
  if (fault instanceof NotAlike) return causedBy(causeOf(rule), fault.message, fault.commands, part)
  if (expected === undefined || !MAY_BE_NONDETERMINISTIC.has(fault.rule)) return fault
  if (part.type === 'restore' && rule === 'no shared state') return (await findOtherMachine(machines, part)) ?? fault
  if (part.type === 'restore' && rule !== fault.rule)
    return causedBy(causeOf(rule), describeRestored(part.at), fault.commands, part)
  const again = outputsOf(await runAlone(() => machines.at(0), machines.last))
  const isAlike = outputsOf(expected).every((output, offset) => output.equals(again[offset] as Buffer))
  return isAlike ? fault : causedBy('unknown', fault.message, fault.commands, part)
}

function causeOf(rule: MachineRule): NamedCause {
  if (rule === 'clock') return 'clock'
  if (rule === 'synchronous') return 'after effect'
  return rule === 'no shared state' ? 'shared state' : 'unknown'
}

/** Whether a machine that nothing is called on is in another state after a turn of the event loop, every time. */
async function changesLater<Command, Result>(machines: LogMachines<Command, Result>, at: number): Promise<boolean> {
  const atOnce = async (): Promise<Buffer> => (await machines.at(at).takeSnapshot()).bytes
  const later = async (): Promise<Buffer> => {
    const machine = machines.at(at)
    await turn()
    return (await machine.takeSnapshot()).bytes
  }
  const [one, two, three, four] = [await atOnce(), await later(), await atOnce(), await later()]
  return one.equals(three) && two.equals(four) && !one.equals(two)
}

/** Checks whether a new machine, restored from the snapshot, is changed by what another machine did. */
async function findOtherMachine<Command, Result>(
  machines: LogMachines<Command, Result>,
  part: RestorePart,
): Promise<MachineFault | undefined> {
  const { at, before } = part
  if (before === 'nothing') return undefined
  const { bytes } = await machines.at(at).takeSnapshot()
  const restored = async (): Promise<readonly Buffer[]> => {
    const machine = machines.at(0)
    await machine.restore(bytes, at, Math.max(1, bytes.length))
    return machine.applyAll(at, machines.last)
  }
  const alone = await restored()
  machineBefore(machines, part)
  for (const [offset, result] of (await restored()).entries()) {
    const expected = alone[offset] as Buffer
    if (result.equals(expected)) continue
    const which = before === 'other commands' ? 'other commands (below)' : 'some of these commands'
    const what = `restored from the snapshot after command ${at}, a new machine returns ${machines
      .at(0)
      .formatResults(result, expected)
      .join(` for command ${at + 1 + offset} after another machine has applied ${which}, but `)} before`
    return causedBy('shared state', what, machines.last, part)
  }
  return undefined
}

/** Checks whether the same restore always has the same outcome. */
async function findInRestore<Command, Result>(
  machines: LogMachines<Command, Result>,
  part: RestorePart,
  commands: number,
): Promise<MachineFault | undefined> {
  const { at } = part
  const found = await findCause(async () => {
    const machine = machines.at(0)
    const { bytes } = await machines.at(at).takeSnapshot()
    await machine.restore(bytes, at, Math.max(1, bytes.length))
    const restored = (await machine.takeSnapshot()).bytes
    return [restored, ...machine.applyAll(at, machines.last), (await machine.takeSnapshot()).bytes]
  })
  if (found === undefined) return undefined
  return causedBy(
    found.cause,
    `${describeRestored(at)}: ${formatBoth(...found.values).join(' and then ')}`,
    commands,
    part,
  )
}

function describeRestored(at: number): string {
  return `new machines that are restored from the same snapshot, after command ${at}, do not always have the same results and snapshots`
}

function describeDifference<Command, Result>(machines: LogMachines<Command, Result>, found: Difference): string {
  const { last } = machines
  const isResult = found.offset < last
  const both = isResult ? machines.at(0).formatResults(...found.values) : formatBoth(...found.values)
  const values = both.join(' and then ')
  if (isResult)
    return `command ${found.offset + 1} returns ${values} on two new machines that applied the same commands`
  return `after the same ${last} commands two new machines have different snapshots, ${values}`
}

/** The fault of a machine whose outcome is not always the same. `what` states the difference. */
function causedBy(cause: NamedCause, what: string, commands: number, part: LogPart): MachineFault {
  const [rule, why] = CAUSES[cause]
  const fault = new MachineFault(rule, commands, `${what}. ${why}`)
  fault.part = part
  return fault
}

const CAUSES: Readonly<Record<NamedCause, readonly [MachineRule, string]>> = {
  clock: [
    'clock',
    'They differ by the time that has passed: the machine reads a clock that was stored before the check, as in `const now = Date.now` at the top of a module. Put the time into the command before it is proposed.',
  ],
  'shared state': [
    'no shared state',
    'It depends on what other machines did before: keep all state in fields of the machine, not in a variable of the module or class, such as a cache.',
  ],
  'after effect': [
    'synchronous',
    'apply() changes the state after it has returned, as in the code after an `await`: other commands may come before that on each node. Do all work before apply() returns.',
  ],
  unknown: [
    'deterministic',
    'apply() must be deterministic: look for input that is neither in the commands nor in the state, such as a random number or a variable of the module.',
  ],
}

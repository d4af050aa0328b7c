/** Applies one log to two machines in turn, which must agree with each other and with the reference model. */
import { describeChange } from './codec-round-trip.ts'
import { formatBoth } from './format-bytes.ts'
import type { EntryPlace } from './machine-fault.ts'
import { MachineFault } from './machine-fault.ts'
import type { LogEntry, MachineHarness, MachineSpec } from './machine-harness.ts'

/** The outcome that every machine must have with this log. */
export interface ExpectedRun {
  /** The result of each command. */
  readonly results: readonly Buffer[]
  /** The snapshot after all commands. */
  readonly finalSnapshot: Buffer
}

/** Encodes the commands. Throws a MachineFault if a command changes when it is encoded and decoded. */
export function encodeLog<Command, Result>(
  { codec, machineVersion }: MachineSpec<Command, Result>,
  commands: readonly Command[],
  contexts: readonly EntryPlace[] = [],
): LogEntry[] {
  return commands.map((command, offset) => {
    const number = offset + 1
    const advice =
      'The machine receives the decoded command: generate commands that the codec can encode, or pass a codec.'
    const fault = (what: string): MachineFault =>
      new MachineFault('codec', number, `command ${number} ${what}. ${advice}`)
    let bytes: Buffer
    let decoded: Command
    try {
      bytes = Buffer.from(codec.encode(command))
      decoded = codec.decode(Uint8Array.from(bytes))
    } catch (thrown) {
      throw fault(`cannot be encoded and decoded (${thrown instanceof Error ? thrown.message : String(thrown)})`)
    }
    const change = describeChange(command, decoded)
    if (change !== undefined) throw fault(`is changed by its codec: ${change}`)
    return { bytes, context: { ...(contexts[offset] ?? { index: number, term: 1 }), machineVersion } }
  })
}

/**
 * Two machines apply the same commands in turn and must agree with each other and with the model. A third one is idle and must not
 * change. Throws `NotAlike` if the two machines differ, and a MachineFault for any other fault.
 */
export async function checkRun<Command, Result>(
  make: () => MachineHarness<Command, Result>,
  last: number,
  model?: ModelRun,
): Promise<ExpectedRun> {
  const [one, other, idle] = [make(), make(), make()]
  const empty = (await idle.takeSnapshot()).bytes
  const results: Buffer[] = []
  for (let number = 1; number <= last; number++) {
    const [first, second] = [one.apply(number), other.apply(number)]
    results.push(first)
    if (!first.equals(second)) {
      await checkIsolation(make, idle, empty, number)
      throw new NotAlike('result', number, results, one.formatResults(first, second))
    }
    checkModelResult(one, first, model?.apply(number))
  }
  one.checkRetained()
  other.checkRetained()
  await checkIsolation(make, idle, empty, last)
  const [end, otherEnd] = [(await one.takeSnapshot()).bytes, (await other.takeSnapshot()).bytes]
  if (!end.equals(otherEnd)) throw new NotAlike('snapshot', last, [...results, end], formatBoth(end, otherEnd))
  return { results, finalSnapshot: end }
}

/** Another new machine, later and after machines that applied other commands, must have the same outcome. */
export async function checkRepeatedRun<Command, Result>(
  make: () => MachineHarness<Command, Result>,
  expected: ExpectedRun,
): Promise<void> {
  const again = await runAlone(make, expected.results.length)
  for (const [offset, result] of again.results.entries()) {
    const first = expected.results[offset] as Buffer
    if (!result.equals(first))
      throw new NotAlike(
        'result',
        offset + 1,
        expected.results.slice(0, offset + 1),
        make().formatResults(first, result),
      )
  }
  const { finalSnapshot } = expected
  if (!again.finalSnapshot.equals(finalSnapshot)) {
    const values = formatBoth(finalSnapshot, again.finalSnapshot)
    throw new NotAlike('snapshot', again.results.length, outputsOf(expected), values)
  }
}

/** The results and then the snapshot. */
export function outputsOf({ results, finalSnapshot }: ExpectedRun): Buffer[] {
  return [...results, finalSnapshot]
}

/** Applies the log to a new machine that nothing else is compared with. */
export async function runAlone<Command, Result>(
  make: () => MachineHarness<Command, Result>,
  last: number,
): Promise<ExpectedRun> {
  const machine = make()
  const results = machine.applyAll(0, last)
  return { results, finalSnapshot: (await machine.takeSnapshot()).bytes }
}

/** The reference model, applying the same log. */
export interface ModelRun {
  /** Applies the command of this number, and returns the encoded result. */
  apply(number: number): Buffer
  /** Answers a query; undefined if the model answers none. */
  query(query: unknown): Buffer | undefined
}

/** Two new machines with the same commands have different outcomes. The reason is found by running the log again. */
export class NotAlike extends MachineFault {
  /** The results of the first machine, then its snapshot, up to the difference. */
  readonly first: readonly Buffer[]
  readonly what: 'result' | 'snapshot'

  constructor(what: 'result' | 'snapshot', number: number, first: readonly Buffer[], both: readonly [string, string]) {
    const values = both.join(' and ')
    const message =
      what === 'snapshot'
        ? `after the same ${number} commands two new machines have different snapshots, ${values}`
        : `command ${number} returns ${values} on two new machines that applied the same commands`
    super('deterministic', number, message)
    this.first = first
    this.what = what
  }
}

function checkModelResult<Command, Result>(
  machine: MachineHarness<Command, Result>,
  result: Buffer,
  modelled: Buffer | undefined,
): void {
  const number = machine.lastApplied
  if (modelled !== undefined && !modelled.equals(result))
    throw new MachineFault(
      'model',
      number,
      `command ${number} returns ${machine.formatResults(result, modelled).join(', but ')} on the reference model: one of the two is wrong.`,
    )
}

async function checkIsolation<Command, Result>(
  make: () => MachineHarness<Command, Result>,
  idle: MachineHarness<Command, Result>,
  empty: Buffer,
  number: number,
): Promise<void> {
  for (const machine of [idle, make()]) {
    const { bytes } = await machine.takeSnapshot()
    if (!bytes.equals(empty))
      throw new MachineFault(
        'no shared state',
        number,
        `a machine that applied no command has the snapshot ${formatBoth(bytes, empty).join(` after another machine applied ${number} commands, and had `)} before: keep all state in fields of the machine, not in a variable of the module or class.`,
      )
  }
}

/** One log, tried on machines by themselves: are they equal, is a snapshot the state, is a replay harmless? */
import { inspect } from 'node:util'
import { firstDifference } from './codec-round-trip.ts'
import { MachineFault } from './machine-fault.ts'
import type { MachineSpec, TakenSnapshot } from './machine-harness.ts'
import { MachineHarness } from './machine-harness.ts'

/** Bytes of a snapshot that are handed to `restore` at once: few, for chunks may be cut anywhere. */
const CHUNK_BYTES = 7

/** What every machine must come to with this log. */
export interface ExpectedRun {
  /** Of every command. */
  readonly results: readonly Buffer[]
  /** After all commands. */
  readonly finalSnapshot: Buffer
}

/** Throws MachineFault at the first thing that is wrong. */
export async function checkLog<Command, Result>(
  spec: MachineSpec<Command, Result>,
  commands: readonly Command[],
): Promise<ExpectedRun> {
  const log = encodeLog(spec, commands)
  const make = (): MachineHarness<Command, Result> => new MachineHarness(spec, log)
  const expected = await checkDeterminism(make, log.length)
  const original = make()
  for (let number = 0; number <= log.length; number++) {
    if (number > 0) original.apply(number)
    const taken = await original.takeSnapshot()
    await checkRestore(make, taken, number)
    await checkReplay(make, taken, number, expected)
  }
  await checkSnapshotIsolation(make, log.length)
  await checkQueries(make, log.length, spec.queries)
  return expected
}

/** The log as bytes. */
export function encodeLog<Command, Result>(
  { codec }: MachineSpec<Command, Result>,
  commands: readonly Command[],
): Buffer[] {
  return commands.map((command, offset) => {
    const number = offset + 1
    const advice = 'The machine is given what comes out: draw such commands as it can hold, or give a codec of yours.'
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
    const difference = firstDifference(command, decoded)
    if (difference !== undefined) throw fault(`does not survive its codec: ${difference}`)
    return bytes
  })
}

/** Two machines get the same commands, in turns; a third looks on, and must not change. */
export async function checkDeterminism<Command, Result>(
  make: () => MachineHarness<Command, Result>,
  last: number,
): Promise<ExpectedRun> {
  const [one, other, idle] = [make(), make(), make()]
  const empty = (await idle.takeSnapshot()).bytes
  const results: Buffer[] = []
  for (let number = 1; number <= last; number++) {
    const [first, second] = [one.apply(number), other.apply(number)]
    if (!first.equals(second)) {
      await checkIsolation(make, idle, empty, number)
      throw new MachineFault(
        'deterministic',
        number,
        `command ${number} has the result ${formatBytes(first)} on one machine and ${formatBytes(second)} on another: apply() must be deterministic, the same commands must give the same results everywhere.`,
      )
    }
    results.push(first)
  }
  one.checkRetained()
  other.checkRetained()
  await checkIsolation(make, idle, empty, last)
  const [end, otherEnd] = [(await one.takeSnapshot()).bytes, (await other.takeSnapshot()).bytes]
  if (!end.equals(otherEnd))
    throw new MachineFault(
      'deterministic',
      last,
      `after the same ${last} commands two machines give different snapshots, ${formatBytes(end)} and ${formatBytes(otherEnd)}: apply() must be deterministic, and snapshot() must tell the same state in the same bytes.`,
    )
  return { results, finalSnapshot: end }
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
        'own state',
        number,
        `a machine that was given nothing holds ${formatBytes(bytes)} after another one was given ${number} commands, and held ${formatBytes(empty)} before: keep all state in fields of the machine, not in a variable of the module or class.`,
      )
  }
}

/** A machine that was restored is the one the snapshot is of, whatever it held before. */
async function checkRestore<Command, Result>(
  make: () => MachineHarness<Command, Result>,
  { bytes }: TakenSnapshot,
  number: number,
): Promise<void> {
  const used = make()
  for (let before = 1; before <= number; before++) used.apply(before)
  await used.restore(bytes, number, CHUNK_BYTES)
  const again = (await used.takeSnapshot()).bytes
  if (again.equals(bytes)) return
  const fresh = make()
  await fresh.restore(bytes, number, Math.max(1, bytes.length))
  const isReplaced = (await fresh.takeSnapshot()).bytes.equals(bytes)
  throw new MachineFault(
    'restore replaces',
    number,
    `after command ${number}, a machine restored from the snapshot ${formatBytes(bytes)} gives another one, ${formatBytes(again)}: restore() must replace the whole state by the one that snapshot() gave${
      isReplaced
        ? '. A new machine given the snapshot in one chunk is right: what was there before must go, and chunks may be cut anywhere.'
        : ', and forget nothing.'
    }`,
  )
}

/** Restored, and given the rest, as after a crash: the same results and the same end as without. */
async function checkReplay<Command, Result>(
  make: () => MachineHarness<Command, Result>,
  { bytes }: TakenSnapshot,
  number: number,
  { results, finalSnapshot }: ExpectedRun,
): Promise<void> {
  const restored = make()
  await restored.restore(bytes, number, Math.max(1, bytes.length))
  const advice = 'A node that starts again does just this: the snapshot must hold all that later results depend on.'
  for (let next = number + 1; next <= results.length; next++) {
    const [got, expected] = [restored.apply(next), results[next - 1] as Buffer]
    if (!got.equals(expected))
      throw new MachineFault(
        'replay',
        next,
        `restored from the snapshot after command ${number}, the machine gives ${formatBytes(got)} for command ${next}, and ${formatBytes(expected)} without a restart. ${advice}`,
      )
  }
  const state = (await restored.takeSnapshot()).bytes
  if (!state.equals(finalSnapshot))
    throw new MachineFault(
      'replay',
      results.length,
      `restored from the snapshot after command ${number} and given the rest, the machine ends as ${formatBytes(state)}, and as ${formatBytes(finalSnapshot)} without a restart. ${advice}`,
    )
}

/** A snapshot is of the moment it was begun at; it may be read late, and beside another one. */
async function checkSnapshotIsolation<Command, Result>(
  make: () => MachineHarness<Command, Result>,
  last: number,
): Promise<void> {
  const original = make()
  for (let number = 0; number < last; number++) {
    if (number > 0) original.apply(number)
    const { bytes, chunks } = await original.takeSnapshot()
    const [one, other] = [await original.beginSnapshot(), await original.beginSnapshot()]
    if (![await one.read(), await other.read()].every((taken) => taken.bytes.equals(bytes)))
      throw new MachineFault(
        'snapshot is of its moment',
        number,
        `after command ${number}, of two snapshots that are read at once one differs from a snapshot read alone: keep what a snapshot needs in variables of the call, not in fields of the machine.`,
      )
    const begun = await original.beginSnapshot()
    original.apply(++number)
    const late = (await begun.read()).bytes
    if (!late.equals(bytes))
      throw new MachineFault(
        'snapshot is of its moment',
        number,
        `command ${number}, applied while a snapshot was read, shows in the snapshot: snapshot() must hand out the state as of its call. Copy the state before the first \`yield\`.`,
      )
    if (!Buffer.concat(chunks).equals(bytes))
      throw new MachineFault(
        'handed out',
        number,
        `command ${number} changed bytes that snapshot() had handed out before: hand out a copy.`,
      )
  }
}

/** A query changes nothing, and a restored machine gives the same answer. */
async function checkQueries<Command, Result>(
  make: () => MachineHarness<Command, Result>,
  last: number,
  queries: readonly unknown[],
): Promise<void> {
  if (queries.length === 0) return
  const [original, restored] = [make(), make()]
  for (let number = 1; number <= last; number++) original.apply(number)
  const { bytes } = await original.takeSnapshot()
  await restored.restore(bytes, last, Math.max(1, bytes.length))
  for (const query of queries) {
    const [answer, other] = [original.query(query), restored.query(query)]
    if (!answer.equals(other))
      throw new MachineFault(
        'query',
        last,
        `query() of ${inspect(query)} after command ${last} answers ${formatBytes(answer)}, and ${formatBytes(other)} once restored from the snapshot: what answers depend on must be in the snapshot.`,
      )
    const after = (await original.takeSnapshot()).bytes
    if (!after.equals(bytes))
      throw new MachineFault(
        'query',
        last,
        `query() of ${inspect(query)} changed the state, from ${formatBytes(bytes)} to ${formatBytes(after)}: only one node is asked, so a query must change nothing. What changes the state is a command.`,
      )
  }
}

const SHOWN_MAX = 60

/** Bytes as a person can read them, if they are text. */
export function formatBytes(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString()
  const isText = Buffer.from(text).equals(Buffer.from(bytes)) && !/\p{Cc}/u.test(text)
  const whole = bytes.length === 0 ? '(no bytes)' : isText ? text : `0x${Buffer.from(bytes).toString('hex')}`
  return whole.length > SHOWN_MAX ? `${whole.slice(0, SHOWN_MAX)}… (${bytes.length} bytes)` : whole
}

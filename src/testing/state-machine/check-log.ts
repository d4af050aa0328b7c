/** Checks a state machine with one log: determinism, snapshots, restore and replay, and queries. */
import { inspect } from 'node:util'
import { firstDifference } from './codec-round-trip.ts'
import { MachineFault } from './machine-fault.ts'
import type { MachineSpec, TakenSnapshot } from './machine-harness.ts'
import { MachineHarness } from './machine-harness.ts'

/** The chunk size for `restore`. Small, because chunks may be split at any point. */
const CHUNK_BYTES = 7

/** The outcome that every machine must have with this log. */
export interface ExpectedRun {
  /** The result of each command. */
  readonly results: readonly Buffer[]
  /** The snapshot after all commands. */
  readonly finalSnapshot: Buffer
}

/** Throws a MachineFault at the first violated rule. */
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
    await checkDigest(make, original.digest(), taken, number)
    await checkReplay(make, taken, number, expected)
  }
  await checkSnapshotIsolation(make, log.length)
  await checkQueries(make, log.length, spec.queries)
  return expected
}

/** Encodes the commands. Throws a MachineFault if a command changes when it is encoded and decoded. */
export function encodeLog<Command, Result>(
  { codec }: MachineSpec<Command, Result>,
  commands: readonly Command[],
): Buffer[] {
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
    const difference = firstDifference(command, decoded)
    if (difference !== undefined) throw fault(`is changed by its codec: ${difference}`)
    return bytes
  })
}

/** Two machines apply the same commands in turn and must agree. A third one is idle and must not change. */
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
        `command ${number} returns ${formatBytes(first)} on one machine and ${formatBytes(second)} on another: apply() must be deterministic. The same commands must return the same results everywhere.`,
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
      `after the same ${last} commands two machines have different snapshots, ${formatBytes(end)} and ${formatBytes(otherEnd)}: apply() must be deterministic, and snapshot() must encode equal states as equal bytes.`,
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
        'no shared state',
        number,
        `a machine that applied no command has the snapshot ${formatBytes(bytes)} after another machine applied ${number} commands, and had ${formatBytes(empty)} before: keep all state in fields of the machine, not in a variable of the module or class.`,
      )
  }
}

/** Equal states must have equal digests, however the machine came to its state: unequal ones stop a node. */
async function checkDigest<Command, Result>(
  make: () => MachineHarness<Command, Result>,
  digest: string | undefined,
  { bytes }: TakenSnapshot,
  number: number,
): Promise<void> {
  if (digest === undefined) return
  const [applied, restored] = [make(), make()]
  for (let next = 1; next <= number; next++) applied.apply(next)
  await restored.restore(bytes, number, Math.max(1, bytes.length))
  for (const [other, how] of [
    [applied.digest(), 'another machine that applied the same commands'],
    [restored.digest(), 'a machine restored from its snapshot'],
  ]) {
    if (other === digest) continue
    throw new MachineFault(
      'digest',
      number,
      `after command ${number}, digest() returns ${inspect(digest)}, but ${inspect(other)} on ${how}: nodes compare their digests, and one that differs from a majority stops. Compute it from the state alone.`,
    )
  }
}

/** A restored machine must have the state of the snapshot, whatever its state was before. */
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
    `after command ${number}, a machine restored from the snapshot ${formatBytes(bytes)} has a different snapshot, ${formatBytes(again)}: restore() must replace the whole state${
      isReplaced
        ? '. A new machine that restores it in one chunk is correct: restore() must discard the old state, and chunks may be split at any point.'
        : ' with that of the snapshot.'
    }`,
  )
}

/** A machine that is restored and applies the rest of the log, as after a crash, must have the same results and final state. */
async function checkReplay<Command, Result>(
  make: () => MachineHarness<Command, Result>,
  { bytes }: TakenSnapshot,
  number: number,
  { results, finalSnapshot }: ExpectedRun,
): Promise<void> {
  const restored = make()
  await restored.restore(bytes, number, Math.max(1, bytes.length))
  const advice =
    'A restarting node does exactly this: the snapshot must contain everything that later results depend on.'
  for (let next = number + 1; next <= results.length; next++) {
    const [got, expected] = [restored.apply(next), results[next - 1] as Buffer]
    if (!got.equals(expected))
      throw new MachineFault(
        'replay',
        next,
        `restored from the snapshot after command ${number}, the machine returns ${formatBytes(got)} for command ${next}, but ${formatBytes(expected)} without a restart. ${advice}`,
      )
  }
  const state = (await restored.takeSnapshot()).bytes
  if (!state.equals(finalSnapshot))
    throw new MachineFault(
      'replay',
      results.length,
      `after it is restored from the snapshot after command ${number} and applies the rest of the log, the machine has the snapshot ${formatBytes(state)}, but ${formatBytes(finalSnapshot)} without a restart. ${advice}`,
    )
}

/** A snapshot must have the state at the call of snapshot(), even if it is read later or together with another one. */
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
        'snapshot isolation',
        number,
        `after command ${number}, one of two snapshots that are read concurrently differs from a snapshot read alone: keep the state of an iteration in local variables, not in fields of the machine.`,
      )
    const begun = await original.beginSnapshot()
    original.apply(++number)
    const late = (await begun.read()).bytes
    if (!late.equals(bytes))
      throw new MachineFault(
        'snapshot isolation',
        number,
        `command ${number}, applied while a snapshot was being read, is visible in the snapshot: snapshot() must return the state at its call. Copy the state before the first \`yield\`.`,
      )
    if (!Buffer.concat(chunks).equals(bytes))
      throw new MachineFault(
        'output unchanged',
        number,
        `command ${number} changed bytes that snapshot() had returned before: return a copy.`,
      )
  }
}

/** A query must not change the state, and a restored machine must give the same answer. */
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
        `query() of ${inspect(query)} after command ${last} returns ${formatBytes(answer)}, but ${formatBytes(other)} after a restore from the snapshot: the snapshot must contain everything that answers depend on.`,
      )
    const after = (await original.takeSnapshot()).bytes
    if (!after.equals(bytes))
      throw new MachineFault(
        'query',
        last,
        `query() of ${inspect(query)} changed the state from ${formatBytes(bytes)} to ${formatBytes(after)}: a query runs on one node only. Use a command to change the state.`,
      )
  }
}

const SHOWN_MAX = 60

/** Formats bytes as text if they are printable, otherwise as hexadecimal. Long values are cut. */
export function formatBytes(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString()
  const isText = Buffer.from(text).equals(Buffer.from(bytes)) && !/\p{Cc}/u.test(text)
  const whole = bytes.length === 0 ? '(no bytes)' : isText ? text : `0x${Buffer.from(bytes).toString('hex')}`
  return whole.length > SHOWN_MAX ? `${whole.slice(0, SHOWN_MAX)}… (${bytes.length} bytes)` : whole
}

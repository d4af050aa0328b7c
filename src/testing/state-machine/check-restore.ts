/** Restores a snapshot over machines with different pasts: each must have the state of the snapshot, and continue in the same way. */
import { setImmediate as turn } from 'node:timers/promises'
import { inspect } from 'node:util'
import type { ExpectedRun } from './check-run.ts'
import { formatBoth } from './format-bytes.ts'
import type { BeforeRestore, RestorePart } from './machine-fault.ts'
import { MachineFault } from './machine-fault.ts'
import type { MachineHarness } from './machine-harness.ts'

/** Creates machines for the checks of one log. */
export interface LogMachines<Command, Result> {
  /** The number of commands in the log. */
  readonly last: number
  /** A machine that applied the commands of the log up to this number. */
  at(number: number): MachineHarness<Command, Result>
  /** A machine that applied the other commands; undefined if there are none. */
  withOtherCommands(): MachineHarness<Command, Result> | undefined
}

/** A snapshot of the log, and the digest of the machine that it was taken from. */
export interface SnapshotToRestore {
  /** The number of the last command in it. */
  readonly at: number
  readonly bytes: Buffer
  readonly digest: string | undefined
}

export const PASTS: readonly BeforeRestore[] = ['nothing', 'less', 'more', 'other commands']

/** Chunks may be split at any point: they are small, but not more than a hundred. */
const CHUNK_BYTES = 7
const CHUNKS_MAX = 100

/** Restores the snapshot over a machine with this past, and applies the rest of the log. */
export async function checkRestore<Command, Result>(
  machines: LogMachines<Command, Result>,
  snapshot: SnapshotToRestore,
  part: RestorePart,
  expected: ExpectedRun,
): Promise<void> {
  const { at, bytes } = snapshot
  const { before } = part
  const machine = machineBefore(machines, part)
  if (machine === undefined) return
  const past = describePast(machines, part)
  if (before !== 'nothing') {
    // Like a node that has taken a snapshot before it installs one: the machine may keep what it has computed.
    await machine.takeSnapshot()
    machine.digest()
  }
  await machine.restore(bytes, at, Math.max(1, bytes.length))
  await checkRestoredState(machine, snapshot, past, STATE_ADVICE[before])
  if (before === 'nothing') {
    const chunked = machines.at(0)
    await chunked.restore(bytes, at, Math.max(CHUNK_BYTES, Math.ceil(bytes.length / CHUNKS_MAX)))
    await checkRestoredState(chunked, snapshot, `${past}, in several chunks,`, CHUNKS_ADVICE)
  }
  await checkRest(machine, at, past, expected, before)
}

/** A machine with this past; undefined if this log has none. */
export function machineBefore<Command, Result>(
  machines: LogMachines<Command, Result>,
  { before, less }: RestorePart,
): MachineHarness<Command, Result> | undefined {
  if (before === 'nothing') return machines.at(0)
  if (before === 'less') return less === 0 ? undefined : machines.at(less)
  if (before === 'more') return machines.at(machines.last)
  return machines.withOtherCommands()
}

function describePast({ last }: { readonly last: number }, { before, less }: RestorePart): string {
  if (before === 'nothing') return 'a new machine'
  if (before === 'other commands') return 'a machine that had applied other commands (below)'
  return `a machine that had applied the commands up to ${before === 'less' ? less : last}`
}

const DISCARD_ADVICE =
  'restore() must replace the whole state. A new machine that restores it is correct: restore() must discard the old state.'
const STATE_ADVICE: Readonly<Record<BeforeRestore, string>> = {
  nothing:
    'restore() must replace the whole state with that of the snapshot, and snapshot() must encode equal states as equal bytes.',
  less: DISCARD_ADVICE,
  more: DISCARD_ADVICE,
  'other commands': DISCARD_ADVICE,
}
const LATE_ADVICE =
  'it has the right one a moment later. restore() must not resolve before the state is replaced: await everything that it starts.'
const CHUNKS_ADVICE =
  'restore() must replace the whole state. A new machine that restores it in one chunk is correct: chunks may be split at any point.'

async function checkRestoredState<Command, Result>(
  machine: MachineHarness<Command, Result>,
  { at, bytes, digest }: SnapshotToRestore,
  past: string,
  advice: string,
): Promise<void> {
  const after = (await machine.takeSnapshot()).bytes
  if (!after.equals(bytes)) {
    await turn()
    const isLate = (await machine.takeSnapshot()).bytes.equals(bytes)
    throw new MachineFault(
      'restore replaces',
      at,
      `after command ${at}, ${past} restored from the snapshot ${formatBoth(bytes, after).join(' has a different snapshot, ')}: ${isLate ? LATE_ADVICE : advice}`,
    )
  }
  const other = machine.digest()
  if (other !== digest)
    throw new MachineFault(
      'digest',
      at,
      `after command ${at}, digest() returns ${inspect(digest)}, but ${inspect(other)} on ${past} restored from its snapshot: nodes compare their digests, and one that differs from a majority stops. Compute it from the state alone.`,
    )
}

/** The machine must have the same results and the same final state as one that was never restored. */
async function checkRest<Command, Result>(
  machine: MachineHarness<Command, Result>,
  at: number,
  past: string,
  { results, finalSnapshot }: ExpectedRun,
  before: BeforeRestore,
): Promise<void> {
  const [rule, who, advice] =
    before === 'nothing'
      ? (['replay', 'the machine', REPLAY_ADVICE] as const)
      : (['restore replaces', past, DISCARD_ADVICE] as const)
  for (let next = at + 1; next <= results.length; next++) {
    const [got, expected] = [machine.apply(next), results[next - 1] as Buffer]
    if (!got.equals(expected))
      throw new MachineFault(
        rule,
        next,
        `restored from the snapshot after command ${at}, ${who} returns ${machine.formatResults(got, expected).join(` for command ${next}, but `)} without a restart. ${advice}`,
      )
  }
  const state = (await machine.takeSnapshot()).bytes
  if (!state.equals(finalSnapshot))
    throw new MachineFault(
      rule,
      results.length,
      `after it is restored from the snapshot after command ${at} and applies the rest of the log, ${who} has the snapshot ${formatBoth(state, finalSnapshot).join(', but ')} without a restart. ${advice}`,
    )
}

const REPLAY_ADVICE =
  'A restarting node does exactly this: the snapshot must contain everything that later results depend on, and restore() must keep the order of maps and lists.'

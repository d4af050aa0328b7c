/** Tries a user's state machine: is it deterministic, is its snapshot its state, and does it survive a cluster under faults? */

import type { Totals } from './check-runs.ts'
import { checkRuns } from './check-runs.ts'
import type { MachineUnderTest, Subject, TriedMachine } from './machine-under-test.ts'
import { bytesOf, chunked, machineUnderTest } from './machine-under-test.ts'

export interface StateMachineCheck {
  /** How many commands the machine is given by itself, before it is put into clusters. */
  readonly commands?: number | undefined
  /** How many clusters are run. */
  readonly runs?: number | undefined
  readonly seed?: number | undefined
  /** How many smaller runs are tried to tell a failure as a shorter story. */
  readonly shrinksMax?: number | undefined
}

const COMMANDS = 50
const RUNS = 30
/** Followers that were away get a snapshot: that is what a machine can get wrong. */
const SHORT_LOG = { trailingEntries: 4, trailingBytesMax: 600 }
/** Bytes of a snapshot that are handed to `restore` at once: few, for chunks may be cut anywhere. */
const CHUNK_BYTES = 7

/**
 * Throws an error that says what is wrong, and with which command. Works in any test runner:
 *
 * ```ts
 * it('is a state machine', () => checkStateMachine({ make: () => new Counter(), command: (number) => ({ add: number % 3 }) }))
 * ```
 */
export async function checkStateMachine<Command, Result>(
  subject: Subject<Command, Result>,
  options: StateMachineCheck = {},
): Promise<Totals> {
  const { commands = COMMANDS, runs = RUNS, seed = 1, shrinksMax } = options
  const machine = machineUnderTest(subject)
  checkSameTwice(machine, commands)
  await checkSnapshots(machine, commands)
  await checkMoment(machine, commands)
  const replay = (failed: number): string => `checkStateMachine(…, { runs: ${runs}, seed: ${failed} })`
  return checkRuns({ runs, seed, faultsMs: 2000, fixed: { machine, settings: SHORT_LOG }, replay, shrinksMax })
}

/** The same commands give the same results, on any node. */
function checkSameTwice(machine: MachineUnderTest, commands: number): void {
  const one = machine.make()
  const other = machine.make()
  for (let number = 1; number <= commands; number++) {
    const [first, second] = [apply(one, number), apply(other, number)]
    if (first !== second)
      throw new Error(
        `command ${number} has the result ${first} on one machine and ${second} on another: apply() must be deterministic`,
      )
  }
}

/** After every command, a machine restored from the snapshot gives the same snapshot, and goes on with the same results. */
async function checkSnapshots(machine: MachineUnderTest, commands: number): Promise<void> {
  const original = machine.make()
  for (let number = 1; number <= commands; number++) {
    apply(original, number)
    const bytes = await bytesOf(original.snapshot())
    const copy = machine.make()
    // Whatever it held before must be gone.
    apply(copy, number)
    await copy.restore(chunked(bytes, CHUNK_BYTES))
    const again = await bytesOf(copy.snapshot())
    if (!again.equals(bytes))
      throw new Error(
        `after command ${number}, a machine restored from a snapshot of ${bytes.length} bytes gives another one (${again.length} bytes): restore() must replace the whole state by the one that snapshot() gave`,
      )
    const probe = machine.make()
    await probe.restore(chunked(bytes, bytes.length))
    const [expected, got] = [apply(copy, number + 1), apply(probe, number + 1)]
    if (expected !== got)
      throw new Error(
        `after a restore at command ${number}, the next result depends on how the chunks are cut: ${expected} and ${got}`,
      )
  }
}

/** A snapshot is of the moment it was begun at: commands applied while it is read do not show in it. */
async function checkMoment(machine: MachineUnderTest, commands: number): Promise<void> {
  const original = machine.make()
  for (let number = 1; number <= commands; number++) {
    apply(original, number)
    const bytes = await bytesOf(original.snapshot())
    const rest = begun(original.snapshot())
    apply(original, ++number)
    const later = await bytesOf(rest)
    if (!later.equals(bytes))
      throw new Error(
        `command ${number}, applied while a snapshot was read, shows in the snapshot: snapshot() must hand out the state as of its call`,
      )
  }
}

/** A snapshot of which the first chunk has been asked for, as a node does before it goes on. */
function begun(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const source = Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]()
  const first = source.next()
  return {
    async *[Symbol.asyncIterator]() {
      for (let next = await first; next.done !== true; next = await source.next()) yield next.value
    },
  }
}

function apply(machine: TriedMachine, number: number): string {
  return machine.apply(number, { index: number, term: 1 })
}

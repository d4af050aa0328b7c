/** Counts what the logs of a check consisted of, and finds out which commands changed the state. */
import { encodeLog } from './check-run.ts'
import type { CoverageOptions, StateMachineCoverage } from './coverage.ts'
import { CoverageCounter } from './coverage.ts'
import type { MachineSpec } from './machine-harness.ts'
import { MachineHarness } from './machine-harness.ts'

/** A log that was checked, and its encoded results. */
export interface CheckedLog<Command> {
  readonly commands: readonly Command[]
  readonly results: readonly Buffer[]
}

/** The number of commands, and of bytes of snapshots, until which a snapshot is taken after each command. */
const SNAPSHOTS_MAX = 1000
const SNAPSHOT_BYTES_MAX = 16 * 2 ** 20

/** Counts the commands and results of logs that have no fault. */
export async function countCoverage<Command, Result>(
  spec: MachineSpec<Command, Result>,
  logs: readonly CheckedLog<Command>[],
  options: CoverageOptions<Command, Result>,
): Promise<StateMachineCoverage> {
  const counter = new CoverageCounter(options)
  for (const { commands, results } of logs)
    for (const [offset, command] of commands.entries())
      counter.add(command, spec.resultCodec.decode(Uint8Array.from(results[offset] as Buffer)))
  if (counter.needsSnapshots) await countChanges(spec, logs, counter)
  return counter.end()
}

async function countChanges<Command, Result>(
  spec: MachineSpec<Command, Result>,
  logs: readonly CheckedLog<Command>[],
  counter: CoverageCounter<Command, Result>,
): Promise<void> {
  let [snapshots, snapshotBytes] = [0, 0]
  for (const { commands } of logs) {
    const machine = new MachineHarness(spec, encodeLog(spec, commands))
    let [before, digest] = [(await machine.takeSnapshot()).bytes, machine.digest()]
    for (const [offset, command] of commands.entries()) {
      if (snapshots >= SNAPSHOTS_MAX || snapshotBytes > SNAPSHOT_BYTES_MAX) return
      machine.apply(offset + 1)
      const after = (await machine.takeSnapshot()).bytes
      const newDigest = machine.digest()
      counter.addChange(command, {
        hasChanged: !after.equals(before),
        isInDigest: digest === undefined || newDigest !== digest,
      })
      snapshots++
      snapshotBytes += after.length
      before = after
      digest = newDigest
    }
  }
}

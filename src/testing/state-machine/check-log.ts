/** Checks a state machine with one log: determinism, snapshots, restore and replay, and queries. */
import { setTimeout as delay } from 'node:timers/promises'
import type { LogMachines, SnapshotToRestore } from './check-restore.ts'
import { checkRestore, PASTS } from './check-restore.ts'
import type { ExpectedRun, ModelRun } from './check-run.ts'
import { checkRepeatedRun, checkRun, encodeLog } from './check-run.ts'
import { checkDigests, checkInvariantEffect } from './check-side-effects.ts'
import { checkQueries, checkSnapshotIsolation } from './check-snapshots.ts'
import type { BeforeRestore, EntryPlace, LogPart, MachineRule } from './machine-fault.ts'
import { MachineFault } from './machine-fault.ts'
import type { LogEntry, MachineSpec } from './machine-harness.ts'
import { MachineHarness } from './machine-harness.ts'
import { nameCause, nameKnownCause } from './name-cause.ts'

/** The commands of one check. */
export interface LogToCheck<Command> {
  readonly commands: readonly Command[]
  /** The places of the commands in the log. By default their numbers, in term 1. */
  readonly contexts?: readonly EntryPlace[] | undefined
  /** Applied to machines before they are restored from a snapshot of the log. */
  readonly otherCommands: readonly Command[]
  /** The numbers of the commands after which snapshots are restored. */
  readonly restoredAt: readonly number[]
  /** What the machines did before they are restored. Everything by default. */
  readonly pasts?: readonly BeforeRestore[] | undefined
  /** Asked before each restore: once it returns false, the others are left out. */
  readonly mayRestore?: (() => boolean) | undefined
}

/** A fault that was found before: only the same part is checked, and only the same rule counts. */
export interface FaultToFind {
  readonly rule: MachineRule
  readonly part: LogPart
}

/** Throws a MachineFault at the first violated rule. */
export async function checkLog<Command, Result>(
  spec: MachineSpec<Command, Result>,
  log: LogToCheck<Command>,
  only?: FaultToFind,
): Promise<ExpectedRun> {
  return new LogCheck(spec, log, only).run()
}

/** Applies a log again that had this outcome before. Throws a MachineFault if it has another one now. */
export async function repeatLog<Command, Result>(
  spec: MachineSpec<Command, Result>,
  log: LogToCheck<Command>,
  expected: ExpectedRun,
): Promise<void> {
  await new LogCheck(spec, log, undefined).repeat(expected)
}

/** The machines of a log, and a reference model that has applied nothing yet, if there is one. */
export function machinesOf<Command, Result>(
  spec: MachineSpec<Command, Result>,
  log: LogToCheck<Command>,
): LogMachines<Command, Result> & { model(): ModelRun | undefined } {
  const machines = new LogCheck(spec, log, undefined)
  machines.encode()
  return machines
}

/** Longer than the unit of a clock that counts milliseconds. */
const CLOCK_MS = 3

class LogCheck<Command, Result> implements LogMachines<Command, Result> {
  readonly last: number
  readonly #spec: MachineSpec<Command, Result>
  readonly #log: LogToCheck<Command>
  readonly #only: FaultToFind | undefined
  #entries: readonly LogEntry[] = []
  #otherEntries: readonly LogEntry[] = []

  constructor(spec: MachineSpec<Command, Result>, log: LogToCheck<Command>, only: FaultToFind | undefined) {
    this.#spec = spec
    this.#log = log
    this.#only = only
    this.last = log.commands.length
  }

  at(number: number): MachineHarness<Command, Result> {
    const machine = new MachineHarness(this.#spec, this.#entries)
    machine.applyAll(0, number)
    return machine
  }

  withOtherCommands(): MachineHarness<Command, Result> | undefined {
    if (this.#otherEntries.length === 0) return undefined
    const machine = new MachineHarness(this.#spec, this.#otherEntries)
    this.#inOtherCommands(() => machine.applyAll(0, this.#otherEntries.length))
    machine.continueWith(this.#entries)
    return machine
  }

  async run(): Promise<ExpectedRun> {
    const make = (): MachineHarness<Command, Result> => this.at(0)
    const expected = await this.#in({ type: 'run' }, undefined, async () => {
      this.encode()
      return checkRun(make, this.last, this.model())
    })
    if (this.#includes('repeat')) await this.repeat(expected)
    if (this.#includes('invariant') && this.#spec.invariant !== undefined) {
      const unchecked = { ...this.#spec, invariant: undefined }
      const makeUnchecked = (): MachineHarness<Command, Result> => new MachineHarness(unchecked, this.#entries)
      await this.#in({ type: 'invariant' }, expected, () => checkInvariantEffect(makeUnchecked, expected))
    }
    // Before restores: what snapshot() or digest() changes is not blamed on restore().
    if (this.#includes('digests')) await this.#in({ type: 'digests' }, expected, () => checkDigests(make, expected))
    if (this.#includes('snapshots'))
      await this.#in({ type: 'snapshots' }, expected, () => checkSnapshotIsolation(make, expected))
    if (this.#includes('restore')) await this.#checkRestores(expected)
    if (this.#includes('queries'))
      await this.#in({ type: 'queries' }, expected, () =>
        checkQueries(make, expected, this.#spec.queries, this.model()),
      )
    return expected
  }

  /** Applies the log to one more new machine, after another machine has applied the other commands. */
  async repeat(expected: ExpectedRun): Promise<void> {
    await this.#in({ type: 'repeat' }, undefined, async () => {
      this.encode()
      this.withOtherCommands()
      // A smaller log of a clock's fault must be given the time in which the clock advances.
      if (this.#only?.rule === 'clock') await delay(CLOCK_MS)
      await checkRepeatedRun(() => this.at(0), expected)
    })
  }

  encode(): void {
    this.#entries = encodeLog(this.#spec, this.#log.commands, this.#log.contexts)
    this.#otherEntries = this.#inOtherCommands(() => encodeLog(this.#spec, this.#log.otherCommands))
  }

  /** A fault of the call is one of the other commands. */
  #inOtherCommands<Value>(call: () => Value): Value {
    try {
      return call()
    } catch (thrown) {
      if (thrown instanceof MachineFault) {
        thrown.isOfOtherCommands = true
        thrown.part = { type: 'run' }
      }
      throw thrown
    }
  }

  #includes(type: LogPart['type']): boolean {
    return this.#only === undefined || this.#only.part.type === type
  }

  async #checkRestores(expected: ExpectedRun): Promise<void> {
    const original = this.at(0)
    const part = this.#only?.part
    const only = part?.type === 'restore' ? part : undefined
    const restoredAt = only === undefined ? this.#log.restoredAt : [only.at]
    const snapshots: SnapshotToRestore[] = []
    for (const at of [...restoredAt].sort((one, other) => one - other))
      await this.#in({ type: 'restore', at, before: 'nothing', less: 0 }, expected, async () => {
        original.applyAll(original.lastApplied, at)
        snapshots.push({ at, bytes: (await original.takeSnapshot()).bytes, digest: original.digest() })
      })
    // New machines first: what they lack is not blamed on the old state of another.
    for (const before of only === undefined ? (this.#log.pasts ?? PASTS) : [only.before])
      for (const snapshot of snapshots) {
        if (this.#log.mayRestore?.() === false) return
        const { at } = snapshot
        const restore = only ?? { type: 'restore', at, before, less: at >> 1 }
        await this.#in(restore, expected, () => checkRestore(this, snapshot, restore, expected))
      }
  }

  /** Makes a part of the check. A fault of it gets its real cause. */
  async #in<Value>(part: LogPart, expected: ExpectedRun | undefined, check: () => Promise<Value>): Promise<Value> {
    try {
      return await check()
    } catch (thrown) {
      if (!(thrown instanceof MachineFault)) throw thrown
      const fault =
        this.#only === undefined
          ? await nameCause(this, thrown, part, expected)
          : await nameKnownCause(this, this.#only.rule, thrown, part, expected)
      fault.part ??= part
      throw fault
    }
  }

  /** The reference model with the entries of this log. */
  model(): ModelRun | undefined {
    const { makeModel, codec, resultCodec, queryCodec, answerCodec } = this.#spec
    const model = makeModel?.()
    if (model === undefined) return undefined
    return {
      apply: (number) => {
        const { bytes, context } = this.#entries[number - 1] as LogEntry
        return Buffer.from(resultCodec.encode(model.apply(codec.decode(Uint8Array.from(bytes)), context)))
      },
      query: (query) =>
        model.query === undefined
          ? undefined
          : Buffer.from(answerCodec.encode(model.query(queryCodec.decode(queryCodec.encode(query))))),
    }
  }
}

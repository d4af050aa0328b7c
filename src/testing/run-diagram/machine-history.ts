/**
 * What the user's machine did on a node, and the states that it had. They are computed after the run, on another machine that does the
 * same: a call of `snapshot()` in the run could change how a faulty machine continues.
 */
import type { ApplyContext } from '../../contracts/state-machine.ts'
import type { LogIndex } from '../../core/types.ts'
import { latin1 } from '../../platform/bytes.ts'
import { CHUNK_BYTES } from '../simulation/ledger-machine.ts'
import { userSnapshot, withinTurns } from '../simulation/user-snapshot.ts'
import type { CheckedMachine } from '../state-machine/machine-under-test.ts'
import { splitIntoChunks } from '../state-machine/machine-under-test.ts'

type Act =
  | { readonly type: 'apply'; readonly index: LogIndex; readonly number: number; readonly context: ApplyContext }
  | { readonly type: 'restore'; readonly index: LogIndex; readonly snapshot: Uint8Array }

/** The acts of one machine, from the start of a process to its end. */
export class MachineHistory {
  readonly #acts: Act[] = []

  /** The index of the entry that it applied last, or up to which it was restored. */
  get lastIndex(): LogIndex {
    return this.#acts.at(-1)?.index ?? 0
  }

  applied(number: number, context: ApplyContext): void {
    this.#acts.push({ type: 'apply', index: context.index, number, context })
  }

  restored(index: LogIndex, snapshot: Uint8Array): void {
    this.#acts.push({ type: 'restore', index, snapshot })
  }

  /** The state once the machine had reached each of these indexes: what `show` makes of its snapshot as latin1 text, or why there is none. */
  async statesAt(
    indexes: Iterable<LogIndex>,
    make: () => CheckedMachine,
    show: (snapshot: string) => string,
  ): Promise<Map<LogIndex, string>> {
    const states = new Map<LogIndex, string>()
    const acts = this.#acts.values()
    try {
      const machine = make()
      let next = acts.next()
      for (const index of [...indexes].sort((one, other) => one - other)) {
        for (; next.value !== undefined && next.value.index <= index; next = acts.next())
          await perform(machine, next.value)
        const snapshot = await userSnapshot(machine)
        states.set(index, typeof snapshot === 'string' ? snapshot : show(latin1(snapshot)))
      }
    } catch (error) {
      // It did not throw in the run, so that it depends on something outside of it.
      const reason = `cannot be repeated: ${error instanceof Error ? error.message : String(error)}`
      for (const index of indexes) if (!states.has(index)) states.set(index, reason)
    }
    return states
  }
}

async function perform(machine: CheckedMachine, act: Act): Promise<void> {
  if (act.type === 'apply') {
    machine.apply(act.number, act.context)
    return
  }
  await withinTurns(Promise.resolve(machine.restore(splitIntoChunks(act.snapshot, CHUNK_BYTES))))
}

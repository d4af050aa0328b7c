/** The states of the user's machine on the cards of a run's diagram, as texts of bounded length. */
import type { LogIndex } from '../../core/types.ts'
import type { Field } from '../../lane-diagram/diagram.ts'
import { shortened } from '../../lane-diagram/text.ts'
import { fromLatin1, textOf } from '../../platform/bytes.ts'
import type { MachineUnderTest } from '../state-machine/machine-under-test.ts'
import type { MachineHistory } from './machine-history.ts'
import type { RecordedRun, RecordedState } from './run-recorder.ts'

export const MACHINE_FIELD: Field = { name: 'machine', width: 'folded' }

/** The number of letters of one state, and of all that differ: if there are many, each is shorter. */
const LETTERS_MAX = 2000
const ALL_LETTERS_MAX = 300_000
const LETTERS_MIN = 200

export class MachineStates {
  readonly #texts: ReadonlyMap<MachineHistory, ReadonlyMap<LogIndex, string>>
  readonly #lettersMax: number

  private constructor(texts: ReadonlyMap<MachineHistory, ReadonlyMap<LogIndex, string>>) {
    const different = new Set([...texts.values()].flatMap((states) => [...states.values()]))
    this.#texts = texts
    this.#lettersMax = Math.min(LETTERS_MAX, Math.max(LETTERS_MIN, Math.floor(ALL_LETTERS_MAX / different.size)))
  }

  /** Computes the states that a diagram of the run shows. */
  static async of({ steps, baseStates }: RecordedRun, { make, texts }: MachineUnderTest): Promise<MachineStates> {
    const indexes = new Map<MachineHistory, Set<LogIndex>>()
    for (const { machine } of [...baseStates.values(), ...steps.flatMap(({ states }) => [...states.values()])]) {
      if (machine === undefined) continue
      const known = indexes.get(machine.history)
      if (known === undefined) indexes.set(machine.history, new Set([machine.index]))
      else known.add(machine.index)
    }
    const states = new Map<MachineHistory, ReadonlyMap<LogIndex, string>>()
    for (const [history, wanted] of indexes)
      states.set(history, await history.statesAt(wanted, make, texts?.state ?? plainText))
    return new MachineStates(states)
  }

  /** '-' while the node is not running. */
  textOf({ machine }: RecordedState): string {
    if (machine === undefined) return '-'
    const text = this.#texts.get(machine.history)?.get(machine.index) ?? ''
    return shortened(`after ${machine.index}: ${text}`, this.#lettersMax)
  }
}

/** The text that the bytes are, as with JSON, or their number. */
function plainText(snapshot: string): string {
  const text = textOf(fromLatin1(snapshot))
  return /\ufffd|[^\P{Cc}\s]/u.test(text) ? `${snapshot.length} bytes` : text
}

/** The state machine of ids: blocks of numbers, of which none is given twice. */
import type { StateMachine } from '../contracts/state-machine.ts'
import { checkInteger } from '../platform/options.ts'
import { checkName, type Malformed, problemOf, type RecipeCodecs, recipeCodecs, type Shapes } from './codecs.ts'
import { restoreTable, snapshotOf, Table } from './table.ts'

/** The bounds of an id machine. They are part of the replicated behaviour: every node has the same. */
export const ID_LIMITS = {
  /** The number of sequences. Beyond, a reservation for another name is refused with 'too many sequences'. */
  sequencesMax: 10_000,
  /** The ids in one reservation. */
  blockMax: 1_000_000,
} as const

/** Reserves the next ids of a sequence, which begins with 1 and is made by its first reservation. */
export type IdCommand = { readonly type: 'reserve'; readonly name: string; readonly count: number } | Malformed

export type IdResult =
  /** The ids from `first` to `last`. */
  | { readonly type: 'reserved'; readonly first: number; readonly last: number }
  | { readonly type: 'refused'; readonly reason: IdRefusal; readonly message: string }

/** 'exhausted': the ids would not be safe integers. */
export type IdRefusal = 'too many sequences' | 'exhausted' | 'malformed'

/** Asks for the last reserved id: 0 if there is none. As a counter, it is the value. */
export type IdQuery = { readonly type: 'last'; readonly name: string } | Malformed

export type IdAnswer =
  | { readonly type: 'last'; readonly last: number }
  | { readonly type: 'refused'; readonly reason: 'malformed'; readonly message: string }

const COMMANDS: Shapes = { reserve: { name: checkName, count: checkInteger(1, ID_LIMITS.blockMax) } }
const QUERIES: Shapes = { last: { name: checkName } }

/** The codecs of an id machine. */
export const idCodecs: RecipeCodecs<IdCommand, IdResult, IdQuery, IdAnswer> = recipeCodecs(COMMANDS, QUERIES)

/** Sequences by name. They are never removed: a sequence that begins again would give its ids twice. */
export class IdMachine implements StateMachine<IdCommand, IdResult, IdQuery, IdAnswer> {
  #last = new Table<number>()

  apply(command: IdCommand): IdResult {
    const problem = problemOf(command, COMMANDS)
    if (problem !== undefined || command.type === 'malformed') return refused('malformed', `bad command: ${problem}`)
    const { name, count } = command
    const previous = this.#last.get(name)
    if (previous === undefined && this.#last.size >= ID_LIMITS.sequencesMax)
      return refused('too many sequences', `there are ${ID_LIMITS.sequencesMax} sequences (sequencesMax)`)
    const last = (previous ?? 0) + count
    if (!Number.isSafeInteger(last))
      return refused('exhausted', `sequence '${name}' would exceed ${Number.MAX_SAFE_INTEGER}`)
    this.#last.set(name, last)
    return { type: 'reserved', first: last - count + 1, last }
  }

  query(query: IdQuery): IdAnswer {
    const problem = problemOf(query, QUERIES)
    if (problem !== undefined || query.type === 'malformed')
      return { type: 'refused', reason: 'malformed', message: `bad query: ${problem}` }
    return { type: 'last', last: this.#last.get(query.name) ?? 0 }
  }

  digest(): string {
    return `v1:${this.#last.digest()}`
  }

  snapshot(): Iterable<Uint8Array> {
    return snapshotOf('ids', {}, this.#last)
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const { table } = await restoreTable<object, number>('ids', chunks)
    this.#last = table
  }
}

function refused(reason: IdRefusal, message: string): IdResult {
  return { type: 'refused', reason, message }
}

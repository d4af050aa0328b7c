/** Counts what generated logs consisted of: kinds of commands and results, and how many commands the state machine refused. */
import { kindOfCommand, kindOfResult } from './value-kinds.ts'

/** How `checkStateMachine` counts commands and results, and which must occur. */
export interface CoverageOptions<Command, Result> {
  /** The kind of a command. By default its field `type`, `kind`, `op` or the like, otherwise the names of its fields. */
  readonly commandKind?: ((command: Command) => string) | undefined
  /** The kind of a result. By default the names of its fields, with true, false, null, and what `type`, `error` or the like contains. */
  readonly resultKind?: ((result: Result, command: Command) => string) | undefined
  /** Whether the machine refused the command. By default it did if its snapshot stayed the same. */
  readonly isRefused?: ((result: Result, command: Command) => boolean) | undefined
  /** Kinds of commands that must occur: a warning names those that did not. */
  readonly commands?: readonly string[] | undefined
  /** Kinds of results that must occur. */
  readonly results?: readonly string[] | undefined
  /** Kinds of commands that never change the state, such as reads. They do not count as refused. They must occur, too. */
  readonly readOnly?: readonly string[] | undefined
}

/** What the generated logs consisted of. */
export interface StateMachineCoverage {
  /** How often each kind of command was applied, the most frequent first. */
  readonly commands: ReadonlyMap<string, CommandCoverage>
  /** How often each kind of result was returned, the most frequent first. */
  readonly results: ReadonlyMap<string, number>
  /** The part of all commands that was refused, or left the state as it was, from 0 to 1. Without reads. */
  readonly refused: number
  /** All of this as a table. */
  readonly table: string
  /** What a generator is likely to be missing. Each is also emitted as a warning of the process. */
  readonly warnings: readonly string[]
}

/** The commands of one kind. */
export interface CommandCoverage {
  readonly count: number
  /** How often each kind of result was returned. */
  readonly results: ReadonlyMap<string, number>
  /** The part that was refused, or left the state as it was, from 0 to 1. */
  readonly refused: number
}

/** Further kinds are counted together. */
const KINDS_MAX = 50
const OTHERS = '(others)'
/** Of fewer commands nothing is concluded. */
const ALL_MIN = 100
const KIND_MIN = 20
const REFUSED_MAX = 0.75

interface Counts {
  count: number
  /** The number of commands for which it is known whether they were refused. */
  known: number
  refused: number
  /** The number of commands that changed the state, but not its digest. */
  notInDigest: number
  readonly results: Map<string, number>
}

/** Counts the commands of logs. */
export class CoverageCounter<Command, Result> {
  readonly #options: CoverageOptions<Command, Result>
  readonly #commands = new Map<string, Counts>()
  readonly #results = new Map<string, number>()

  constructor(options: CoverageOptions<Command, Result>) {
    this.#options = options
  }

  /** Whether snapshots must show which commands were refused. */
  get needsSnapshots(): boolean {
    return this.#options.isRefused === undefined
  }

  /** A command was applied. */
  add(command: Command, result: Result): void {
    const counts = this.#countsOf(command)
    const { resultKind, isRefused } = this.#options
    const kind = limited(this.#results, resultKind?.(result, command) ?? kindOfResult(result))
    increment(this.#results, kind)
    increment(counts.results, kind)
    counts.count++
    if (isRefused !== undefined) this.#addRefused(counts, isRefused(result, command))
  }

  /** It is known whether a command changed the state. */
  addChange(
    command: Command,
    { hasChanged, isInDigest }: { readonly hasChanged: boolean; readonly isInDigest: boolean },
  ): void {
    const counts = this.#countsOf(command)
    this.#addRefused(counts, !hasChanged)
    if (hasChanged && !isInDigest) counts.notInDigest++
  }

  end(): StateMachineCoverage {
    const commands = new Map(
      byCount([...this.#commands], ({ count }) => count).map(([kind, { count, results, known, refused }]) => [
        kind,
        { count, results: sorted(results), refused: share(refused, known) },
      ]),
    )
    const counted = this.#counted.map(([, counts]) => counts)
    const known = sum(counted.map((counts) => counts.known))
    const refused = share(sum(counted.map((counts) => counts.refused)), known)
    const results = sorted(this.#results)
    const warnings = [
      ...this.#neverCame(),
      ...this.#allRefused(),
      ...this.#mostRefused(refused, known),
      ...this.#notInDigest(),
    ]
    return {
      commands,
      results,
      refused,
      table: tableOf(commands, this.needsSnapshots ? 'no change' : 'refused'),
      warnings,
    }
  }

  #countsOf(command: Command): Counts {
    const kind = limited(this.#commands, this.#options.commandKind?.(command) ?? kindOfCommand(command))
    const counts = this.#commands.get(kind) ?? { count: 0, known: 0, refused: 0, notInDigest: 0, results: new Map() }
    this.#commands.set(kind, counts)
    return counts
  }

  #addRefused(counts: Counts, isRefused: boolean): void {
    counts.known++
    if (isRefused) counts.refused++
  }

  /** The kinds of commands that can be refused. */
  get #counted(): [string, Counts][] {
    const { readOnly = [] } = this.#options
    // What never changes the state and has several kinds of results reads it.
    const isRead = (counts: Counts): boolean =>
      this.needsSnapshots && counts.refused === counts.known && counts.results.size > 1
    return [...this.#commands].filter(([kind, counts]) => !readOnly.includes(kind) && !isRead(counts))
  }

  #neverCame(): string[] {
    const { commands = [], results = [], readOnly = [] } = this.#options
    const missing = (what: string, wanted: readonly string[], came: ReadonlyMap<string, unknown>): string[] =>
      wanted
        .filter((kind) => !came.has(kind))
        .map(
          (kind) => `no ${what} of the kind ${JSON.stringify(kind)} came. These came: ${[...came.keys()].join(', ')}.`,
        )
    const wanted = [...new Set([...commands, ...readOnly])]
    return [...missing('command', wanted, this.#commands), ...missing('result', results, this.#results)]
  }

  #allRefused(): string[] {
    const isAlways = ({ known, refused }: Counts): boolean => known >= KIND_MIN && refused === known
    const all = this.#counted
    // A machine that never changes is reported once.
    if (all.every(([, counts]) => isAlways(counts))) return []
    return all.flatMap(([kind, counts]) => {
      if (!isAlways(counts)) return []
      const results = [...sorted(counts.results).keys()].slice(0, 3).join(', ')
      return `${this.#refusals} all ${counts.known} commands of the kind ${JSON.stringify(kind)}, with the results ${results}: generate some that are accepted, or state in coverage.readOnly that the kind never changes the state.`
    })
  }

  #mostRefused(refused: number, known: number): string[] {
    if (known < ALL_MIN || refused <= REFUSED_MAX) return []
    return [
      `${this.#refusals} ${percent(refused)} of the commands, so that little was tested: generate commands that fit the state, for example fewer different ids, or times and versions closer to each other. coverage.table shows which.`,
    ]
  }

  #notInDigest(): string[] {
    return [...this.#commands].flatMap(([kind, { known, refused, notInDigest }]) =>
      notInDigest < KIND_MIN || notInDigest < known - refused
        ? []
        : `digest() stayed the same for all ${notInDigest} commands of the kind ${JSON.stringify(kind)} that changed the state, so that nodes which differ in it would not be found: compute the digest from the whole state.`,
    )
  }

  get #refusals(): string {
    return this.needsSnapshots ? 'the state was not changed by' : 'the machine refused'
  }
}

function tableOf(commands: ReadonlyMap<string, CommandCoverage>, refusedTitle: string): string {
  const rows = [...commands].map(([kind, { count, refused, results }]) => {
    const all = [...results].map(([result, times]) => `${result} ${percent(times / count)}`)
    return [kind, String(count), percent(refused), all.join(', ')]
  })
  const table = [['command', 'count', refusedTitle, 'results'], ...rows]
  const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)))
  const cell = (text: string, column: number): string => {
    const width = widths[column] ?? 0
    return column === 0 ? text.padEnd(width) : text.padStart(width)
  }
  return table.map((row) => row.map(cell).join('  ')).join('\n')
}

function limited(counts: ReadonlyMap<string, unknown>, kind: string): string {
  return counts.has(kind) || counts.size < KINDS_MAX ? kind : OTHERS
}

function increment(counts: Map<string, number>, kind: string): void {
  counts.set(kind, (counts.get(kind) ?? 0) + 1)
}

function sorted(counts: ReadonlyMap<string, number>): Map<string, number> {
  return new Map(byCount([...counts], (count) => count))
}

function byCount<Value>(entries: [string, Value][], count: (value: Value) => number): [string, Value][] {
  return entries.sort(([, one], [, other]) => count(other) - count(one))
}

function share(part: number, all: number): number {
  return all === 0 ? 0 : part / all
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

function percent(part: number): string {
  const rounded = Math.round(part * 100)
  return part > 0 && rounded === 0 ? '< 1 %' : `${rounded} %`
}

/** A run of whole nodes as a text: what is done to which cluster, line by line, `----`, and what came of it. */
import type { RaftOptions } from '../../core/options.ts'
import { RAFT_DEFAULTS } from '../../core/options.ts'
import type { RuntimeOptions } from '../../runtime/options.ts'
import { RUNTIME_DEFAULTS } from '../../runtime/options.ts'
import type { Fault, FaultPlan } from '../simulation/faults.ts'
import type { Call, ClusterPlan, Workload } from '../simulation/workload.ts'
import { checkFirstLine, fileError } from '../text/first-line.ts'
import { formatFields, parseFields, splitWords } from './fields.ts'
import { fieldProblem, formatPlanLine } from './plan-lines.ts'

/** The first line of every file; docs/reference/run-files.md explains the rest. */
export const RUN_FORMAT = '# quorate run, version 1'

const DASHES = '----'

/** A run that a file can hold: all of it is data. */
export interface RunSpec {
  readonly seed: number
  readonly cluster: ClusterPlan
  readonly settings: Partial<RaftOptions & RuntimeOptions>
  readonly healAtMs: number
  readonly workload: Workload
  readonly faults: FaultPlan
}

/** What a file cannot hold, and who replays it must bring. */
export type Need = 'machine' | 'interceptors' | 'properties'

const NEEDS: readonly Need[] = ['machine', 'interceptors', 'properties']

/** How a run ended: in one line, and the hash of the whole world then. */
export interface Outcome {
  /** `kept until event 812`, or `broken I1 at event 532: …`. */
  readonly verdict: string
  readonly state: string
}

export interface RunFile {
  readonly run: RunSpec
  readonly needs: readonly Need[]
  /** As it was when the file was written; undefined where nobody has run it yet. */
  readonly outcome: Outcome | undefined
}

/** The text of a run. */
export function formatRun({ run, needs, outcome }: RunFile): string {
  const { seed, cluster, settings, healAtMs, workload, faults } = run
  const lines = [
    RUN_FORMAT,
    `seed ${seed}`,
    `cluster ${formatFields(cluster)}`,
    ...(Object.keys(settings).length === 0 ? [] : [`settings ${formatFields(settings)}`]),
    `heal ${healAtMs}`,
    ...(needs.length === 0 ? [] : [`needs ${needs.join(' ')}`]),
    ...planLines(workload, faults),
  ]
  return withOutcome(`${lines.join('\n')}\n`, outcome)
}

/** Calls and faults in the order of their times, as far as each plan is in that order; the plans keep theirs. */
function planLines(workload: Workload, faults: FaultPlan): string[] {
  const calls = [...workload]
  const lines: string[] = []
  for (const fault of faults) {
    while ((calls[0]?.atMs ?? Infinity) < fault.atMs) lines.push(formatPlanLine('call', calls.shift() as Call))
    lines.push(formatPlanLine('fault', fault))
  }
  return [...lines, ...calls.map((call) => formatPlanLine('call', call))]
}

/** The text of a file with this outcome in place of the one it has; comments stay. */
export function withOutcome(text: string, outcome: Outcome | undefined): string {
  const [asked = ''] = text.replaceAll('\r\n', '\n').split(/^----[ \t]*$/m)
  if (outcome === undefined) return `${asked.trimEnd()}\n`
  return `${asked.trimEnd()}\n${DASHES}\n${outcome.verdict}\nstate ${outcome.state}\n`
}

/** Throws a RaftError (ERR_RAFT_RUN_FILE) with the number of the line, what is wrong with it, and what to do. */
export function parseRun(text: string): RunFile {
  checkFirstLine(text, 'run')
  const lines = text.replaceAll('\r\n', '\n').split('\n')
  const dashes = lines.findIndex((line) => line.trimEnd() === DASHES)
  const reader = new RunReader()
  for (const [at, line] of lines.slice(0, dashes < 0 ? undefined : dashes).entries()) {
    const words = splitWords(line)
    if (words.length > 0) reader.read(words, at + 1)
  }
  return { run: reader.run(), needs: reader.needs, outcome: dashes < 0 ? undefined : parseOutcome(lines, dashes + 1) }
}

function parseOutcome(lines: readonly string[], first: number): Outcome | undefined {
  const said = [...lines.entries()].slice(first).filter(([, line]) => line.trim() !== '')
  const [verdict, state, more] = said
  if (verdict === undefined) return undefined
  if (!/^(kept until|broken \S+ at|failed at) event \d+/.test(verdict[1]))
    throw fileError(`'${verdict[1]}' is no outcome, such as 'kept until event 812'`, { line: verdict[0] + 1 })
  const hash = /^state ([0-9a-f]{16})\s*$/.exec(state?.[1] ?? '')?.[1]
  if (hash === undefined)
    throw fileError("after the outcome comes 'state' and 16 hexadecimal digits", {
      line: (state?.[0] ?? verdict[0]) + 1,
    })
  if (more !== undefined) throw fileError('nothing comes after the state', { line: more[0] + 1 })
  return { verdict: verdict[1].trimEnd(), state: hash }
}

/** Takes in one line after the other. */
class RunReader {
  needs: readonly Need[] = []
  readonly #single = new Map<string, unknown>()
  readonly #workload: Call[] = []
  readonly #faults: Fault[] = []

  read(words: readonly string[], line: number): void {
    try {
      this.#readLine(words)
    } catch (error) {
      throw fileError((error as Error).message, { line })
    }
  }

  #readLine([word = '', ...words]: readonly string[]): void {
    switch (word) {
      case 'seed':
        return this.#setOnce(word, parseSeed(words))
      case 'heal':
        return this.#setOnce(word, parseMs(words, word))
      case 'cluster':
        return this.#setOnce(word, parseCluster(parseFields(words)))
      case 'settings':
        return this.#setOnce(word, parseSettings(parseFields(words)))
      case 'needs':
        this.needs = words.map(parseNeed)
        return
      case 'call':
        this.#workload.push(parsePlanLine(word, words) as Call)
        return
      case 'fault':
        this.#faults.push(parsePlanLine(word, words) as Fault)
        return
      default:
        throw new Error(
          `a line cannot begin with '${word}', only with seed, cluster, settings, heal, needs, call, fault or #`,
        )
    }
  }

  run(): RunSpec {
    for (const part of ['seed', 'cluster', 'heal'])
      if (!this.#single.has(part))
        throw fileError(`the line '${part} …' is missing: a run needs a seed, a cluster and a time to heal`)
    return {
      seed: this.#single.get('seed') as number,
      cluster: this.#single.get('cluster') as ClusterPlan,
      settings: (this.#single.get('settings') ?? {}) as RunSpec['settings'],
      healAtMs: this.#single.get('heal') as number,
      workload: this.#workload,
      faults: this.#faults,
    }
  }

  #setOnce(word: string, value: unknown): void {
    if (this.#single.has(word)) throw new Error(`there is a line '${word}' already`)
    this.#single.set(word, value)
  }
}

function parseNumber([text = '', ...more]: readonly string[], what: string): number {
  const number = Number(text)
  if (!/^\d+(\.\d+)?$/.test(text) || number > Number.MAX_SAFE_INTEGER || more.length > 0)
    throw new Error(`after '${what}' comes one number, such as '${what} 4000'`)
  return number
}

/** A time: the world counts microseconds, in whole numbers that are safe. */
function parseMs(words: readonly string[], what: string): number {
  const ms = parseNumber(words, what)
  if (ms * 1000 > Number.MAX_SAFE_INTEGER) throw new Error(`${ms} ms is later than any run lasts`)
  return ms
}

function parseSeed(words: readonly string[]): number {
  const seed = parseNumber(words, 'seed')
  if (!isCount(seed)) throw new Error(`a seed is a whole number, not ${seed}`)
  return seed
}

function parsePlanLine(word: 'call' | 'fault', [time = '', type = '', ...words]: readonly string[]): Call | Fault {
  const atMs = parseMs([time], word)
  const fields = parseFields(words)
  const mistake = fieldProblem(word, type, fields)
  if (mistake !== undefined) throw new Error(mistake)
  return { type, atMs, ...fields } as Call | Fault
}

function parseCluster(fields: Readonly<Record<string, unknown>>): ClusterPlan {
  const { voters, spares = 0, ...more } = fields
  if (!isCount(voters) || voters === 0 || !isCount(spares) || Object.keys(more).length > 0)
    throw new Error("a cluster is told as 'cluster voters=3 spares=1'")
  return { voters, spares }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function parseSettings(fields: Readonly<Record<string, unknown>>): RunSpec['settings'] {
  const known: Readonly<Record<string, unknown>> = { ...RAFT_DEFAULTS, ...RUNTIME_DEFAULTS }
  for (const [name, value] of Object.entries(fields)) {
    if (!Object.hasOwn(known, name))
      throw new Error(`there is no setting '${name}'; they are listed in docs/reference/limits.md`)
    if (typeof value !== typeof known[name])
      throw new Error(`the setting '${name}' is a ${typeof known[name]}, not ${JSON.stringify(value)}`)
  }
  return fields as RunSpec['settings']
}

function parseNeed(word: string): Need {
  // Early files of version 1 call interceptors 'tampering'.
  const name = word === 'tampering' ? 'interceptors' : word
  const need = NEEDS.find((each) => each === name)
  if (need === undefined) throw new Error(`a run cannot need '${word}', only ${NEEDS.join(', ')}`)
  return need
}

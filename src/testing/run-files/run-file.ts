/** Run files: a simulated run as text, with its plan line by line, then `----` and its outcome. */
import type { RaftOptions } from '../../core/options.ts'
import { RAFT_DEFAULTS } from '../../core/options.ts'
import type { RuntimeOptions } from '../../runtime/options.ts'
import { RUNTIME_DEFAULTS } from '../../runtime/options.ts'
import type { Fault, FaultPlan } from '../simulation/faults.ts'
import type { Call, ClusterPlan, Workload } from '../simulation/workload.ts'
import { checkFirstLine, fileError } from '../text/first-line.ts'
import { formatFields, parseFields, splitWords } from './fields.ts'
import { fieldProblem, formatPlanLine } from './plan-lines.ts'

/**
 * The first line of every run file; docs/reference/run-files.md describes the rest. Version 1 is still read: there,
 * `networkConditions` is `weather`, and `interceptors` is `tampering`.
 */
export const RUN_FORMAT = '# quorate run, version 2'

const DASHES = '----'

/** The part of a run's options that a file can hold: plain data only. */
export interface RunSpec {
  readonly seed: number
  readonly cluster: ClusterPlan
  readonly settings: Partial<RaftOptions & RuntimeOptions>
  readonly healAtMs: number
  readonly workload: Workload
  readonly faults: FaultPlan
}

/** Code that a run used and a file cannot hold: it must be passed to `replayRun`. */
export type Need = 'machine' | 'interceptors' | 'properties'

const NEEDS: readonly Need[] = ['machine', 'interceptors', 'properties']

/** How a run ended. */
export interface Outcome {
  /** One line: `kept until event 812`, `broken I1 at event 532: …` or `failed at event 99: …`. */
  readonly verdict: string
  /** The hash of the complete state at that event: 16 hexadecimal digits. */
  readonly state: string
}

export interface RunFile {
  readonly run: RunSpec
  readonly needs: readonly Need[]
  /** The outcome when the file was written; undefined if it has not been run. */
  readonly outcome: Outcome | undefined
}

/** Formats a run file, with calls and faults in time order. */
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

/** Merges calls and faults by time. Neither list is sorted: parsing returns both in their original order. */
function planLines(workload: Workload, faults: FaultPlan): string[] {
  const calls = [...workload]
  const lines: string[] = []
  for (const fault of faults) {
    while ((calls[0]?.atMs ?? Infinity) < fault.atMs) lines.push(formatPlanLine('call', calls.shift() as Call))
    lines.push(formatPlanLine('fault', fault))
  }
  return [...lines, ...calls.map((call) => formatPlanLine('call', call))]
}

/** Replaces the outcome of a run file and keeps everything else, comments included. */
export function withOutcome(text: string, outcome: Outcome | undefined): string {
  const [plan = ''] = text.replaceAll('\r\n', '\n').split(/^----[ \t]*$/m)
  if (outcome === undefined) return `${plan.trimEnd()}\n`
  return `${plan.trimEnd()}\n${DASHES}\n${outcome.verdict}\nstate ${outcome.state}\n`
}

/** Parses a run file. Throws ERR_RAFT_RUN_FILE with the line number in `details.line`, the problem and a hint. */
export function parseRun(text: string): RunFile {
  const version = checkFirstLine(text, 'run')
  const lines = text.replaceAll('\r\n', '\n').split('\n')
  const dashes = lines.findIndex((line) => line.trimEnd() === DASHES)
  const reader = new RunReader(version)
  for (const [at, line] of lines.slice(0, dashes < 0 ? undefined : dashes).entries()) {
    const words = splitWords(line)
    if (words.length > 0) reader.read(words, at + 1)
  }
  return { run: reader.run(), needs: reader.needs, outcome: dashes < 0 ? undefined : parseOutcome(lines, dashes + 1) }
}

function parseOutcome(lines: readonly string[], first: number): Outcome | undefined {
  const nonEmpty = [...lines.entries()].slice(first).filter(([, line]) => line.trim() !== '')
  const [verdict, state, more] = nonEmpty
  if (verdict === undefined) return undefined
  if (!/^(kept until|broken \S+ at|failed at) event \d+/.test(verdict[1]))
    throw fileError(`'${verdict[1]}' is not an outcome such as 'kept until event 812'`, { line: verdict[0] + 1 })
  const hash = /^state ([0-9a-f]{16})\s*$/.exec(state?.[1] ?? '')?.[1]
  if (hash === undefined)
    throw fileError("the outcome must be followed by 'state' and 16 hexadecimal digits", {
      line: (state?.[0] ?? verdict[0]) + 1,
    })
  if (more !== undefined) throw fileError('nothing may follow the state', { line: more[0] + 1 })
  return { verdict: verdict[1].trimEnd(), state: hash }
}

/** Collects the lines of a run file. */
class RunReader {
  readonly #version: number
  needs: readonly Need[] = []
  readonly #single = new Map<string, unknown>()
  readonly #workload: Call[] = []
  readonly #faults: Fault[] = []

  constructor(version: number) {
    this.#version = version
  }

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
        this.needs = words.map((need) => parseNeed(need, this.#version))
        return
      case 'call':
        this.#workload.push(parsePlanLine(word, words, this.#version) as Call)
        return
      case 'fault':
        this.#faults.push(parsePlanLine(word, words, this.#version) as Fault)
        return
      default:
        throw new Error(
          `a line cannot start with '${word}', only with seed, cluster, settings, heal, needs, call, fault or #`,
        )
    }
  }

  run(): RunSpec {
    for (const part of ['seed', 'cluster', 'heal'])
      if (!this.#single.has(part)) throw fileError(`the line '${part} …' is missing`)
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
    if (this.#single.has(word)) throw new Error(`duplicate line '${word}'`)
    this.#single.set(word, value)
  }
}

function parseNumber([text = '', ...more]: readonly string[], what: string): number {
  const number = Number(text)
  if (!/^\d+(\.\d+)?$/.test(text) || number > Number.MAX_SAFE_INTEGER || more.length > 0)
    throw new Error(`'${what}' must be followed by one number, as in '${what} 4000'`)
  return number
}

/** Rejects times whose microseconds are not a safe integer. */
function parseMs(words: readonly string[], what: string): number {
  const ms = parseNumber(words, what)
  if (ms * 1000 > Number.MAX_SAFE_INTEGER) throw new Error(`${ms} ms is beyond the end of any run`)
  return ms
}

function parseSeed(words: readonly string[]): number {
  const seed = parseNumber(words, 'seed')
  if (!isCount(seed)) throw new Error(`a seed must be a whole number, not ${seed}`)
  return seed
}

function parsePlanLine(word: 'call' | 'fault', words: readonly string[], version: number): Call | Fault {
  const [time = '', name = '', ...rest] = words
  const atMs = parseMs([time], word)
  const isOldName = version === 1 && name === 'weather'
  const type = isOldName ? 'networkConditions' : name
  const fields = parseFields(isOldName ? rest.map((field) => field.replace(/^weather=/, 'conditions=')) : rest)
  const problem = fieldProblem(word, type, fields)
  if (problem !== undefined) throw new Error(problem)
  return { type, atMs, ...fields } as Call | Fault
}

function parseCluster(fields: Readonly<Record<string, unknown>>): ClusterPlan {
  const { voters, spares = 0, ...more } = fields
  if (!isCount(voters) || voters === 0 || !isCount(spares) || Object.keys(more).length > 0)
    throw new Error("a cluster has the form 'cluster voters=3 spares=1'")
  return { voters, spares }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function parseSettings(fields: Readonly<Record<string, unknown>>): RunSpec['settings'] {
  const known: Readonly<Record<string, unknown>> = { ...RAFT_DEFAULTS, ...RUNTIME_DEFAULTS }
  for (const [name, value] of Object.entries(fields)) {
    if (!Object.hasOwn(known, name)) throw new Error(`unknown setting '${name}'; docs/reference/limits.md lists them`)
    if (typeof value !== typeof known[name])
      throw new Error(`the setting '${name}' must be a ${typeof known[name]}, not ${JSON.stringify(value)}`)
  }
  return fields as RunSpec['settings']
}

function parseNeed(word: string, version: number): Need {
  const name = version === 1 && word === 'tampering' ? 'interceptors' : word
  const need = NEEDS.find((each) => each === name)
  if (need === undefined) throw new Error(`a run cannot need '${word}', only ${NEEDS.join(', ')}`)
  return need
}

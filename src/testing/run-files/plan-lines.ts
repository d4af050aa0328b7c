/** The lines of a run file that hold calls and faults, with an example of each type that defines its fields. */
import type { Fault } from '../simulation/faults.ts'
import type { Call } from '../simulation/workload.ts'
import { LEADER } from '../simulation/workload.ts'
import { formatFields } from './fields.ts'

/** A new type without an example fails the type check. `REWRITE=1 npx mocha test/runs` then updates the reference page and the run files. */
type Examples<All extends { readonly type: string }> = {
  readonly [Type in All['type']]: Omit<Extract<All, { readonly type: Type }>, 'type' | 'atMs'>
}

const CALL_EXAMPLES: Examples<Call> = {
  write: { node: 0, count: 3 },
  writeLarge: { node: LEADER, bytes: 2000 },
  writeInSession: { client: 0, node: LEADER, count: 2, sends: 4, everyMs: 120 },
  read: { node: LEADER, mode: 'linearizable' },
  readFresh: { node: 1, maxStalenessMs: 200, own: true, times: 10, everyMs: 50 },
  writeInTerm: { node: 1, afterMs: 100 },
  follow: { reader: 0, node: 1 },
  change: { add: [3], promote: [], demote: [], remove: [LEADER] },
  transfer: { node: 1 },
  snapshot: { node: 2 },
}

const FAULT_EXAMPLES: Examples<Fault> = {
  crash: { node: LEADER, isHard: true, forMs: 300 },
  powerCut: { nodes: [0, LEADER], isHard: true, forMs: 300 },
  restarts: { node: 1, times: 5, gapUs: 400 },
  switches: { node: 2, preVote: false, checkQuorum: true },
  upgrade: { node: 1, machineVersion: 2 },
  prefer: { node: 1, leaderPriority: 5 },
  crashAtCall: { node: 1, call: 5, when: 'after', forMs: 300 },
  partition: { side: [LEADER, 1], forMs: 500 },
  cut: { from: 0, to: LEADER, forMs: 500 },
  flap: { side: [LEADER], everyMs: 100, forMs: 900 },
  passOnly: { from: LEADER, to: 1, message: 'AppendEntriesRequest', forMs: 500 },
  reset: { a: 0, b: 1 },
  networkConditions: {
    conditions: {
      delayMinUs: 200,
      delayMaxUs: 20_000,
      lossPerMille: 50,
      duplicatePerMille: 100,
      slowPerMille: 0,
      stalePerMille: 50,
      isOrdered: false,
    },
    forMs: 800,
  },
  slowDisk: { node: 1, syncMs: 100, forMs: 500 },
  failDisk: { node: 1, forMs: 500 },
  pause: { node: LEADER, forMs: 700 },
  misread: { node: 1, forMs: 500 },
  fullDisk: { node: LEADER, leftBytes: 500, forMs: 800 },
  wipeDisk: { node: 1 },
  rot: { node: 2, part: 'log', place: 7 },
  changeCommand: { node: 1, place: 3 },
  cloneDisk: { node: 1, ageMs: 200, side: [0], swapMs: 150, forMs: 900 },
  rollBackDisk: { node: 1, ageMs: 600 },
  stall: { node: LEADER, forMs: 400 },
  missing: { node: 2, how: 'cut off' },
  drift: { node: 2, ratePerMille: 1050, forMs: 1000 },
}

const EXAMPLES: { readonly [Word in 'call' | 'fault']: Readonly<Record<string, object>> } = {
  call: CALL_EXAMPLES,
  fault: FAULT_EXAMPLES,
}

/** For example `fault 300 crash node=leader isHard forMs=300`. */
export function formatPlanLine(word: 'call' | 'fault', { type, atMs, ...fields }: Call | Fault): string {
  return `${word} ${atMs} ${type} ${formatFields(fields)}`.trimEnd()
}

/** An example line of every type, for docs/reference/run-files.md. */
export function exampleLines(): string[] {
  return (['call', 'fault'] as const).flatMap((word) =>
    Object.entries(EXAMPLES[word]).map(([type, example]) => `${word} 300 ${type} ${formatFields(example)}`),
  )
}

/** Compares fields with the example of their type; returns a description of the first difference, or undefined. */
export function fieldProblem(word: 'call' | 'fault', type: string, fields: object): string | undefined {
  const known = EXAMPLES[word]
  const example = Object.hasOwn(known, type) ? known[type] : undefined
  if (example === undefined) return `unknown ${word} '${type}'; the ${word}s are ${Object.keys(known).join(', ')}`
  const difference = differenceFrom(fields, example, '')
  if (difference === undefined) return undefined
  return `${difference}; an example is '${word} 300 ${type} ${formatFields(example)}'`
}

function differenceFrom(value: unknown, example: unknown, name: string): string | undefined {
  if (describeType(value) !== describeType(example))
    return `'${name}' must be ${describeType(example)}, not ${describeType(value)}`
  if (Array.isArray(value)) {
    const wrong = value.find((item) => typeof item !== 'number')
    return wrong === undefined ? undefined : `'${name}' must be a list of numbers`
  }
  if (typeof value !== 'object') return undefined
  const given = value as Readonly<Record<string, unknown>>
  for (const [field, part] of Object.entries(example as object)) {
    if (!Object.hasOwn(given, field)) return `'${field}' is missing`
    const difference = differenceFrom(given[field], part, field)
    if (difference !== undefined) return difference
  }
  const unknown = Object.keys(given).find((field) => !Object.hasOwn(example as object, field))
  return unknown === undefined ? undefined : `unknown field '${unknown}'`
}

function describeType(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  return { boolean: 'true or false', number: 'a number', string: 'a word' }[typeof value as string] ?? 'a set of fields'
}

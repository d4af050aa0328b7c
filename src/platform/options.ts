/** Checks options and fills in defaults: for the node, the client, the storage and the gRPC transport alike. */
import { closest, distance } from 'fastest-levenshtein'
import { RaftError } from '../errors.ts'

/** One mistake in the options, and where it is. */
export interface OptionProblem {
  readonly path: string
  readonly problem: string
}

/** Returns what is wrong with a value, as in "must be a string", or undefined if it is valid. */
export type OptionCheck = (value: unknown) => string | undefined

export const checkInteger =
  (min: number, max: number = Number.MAX_SAFE_INTEGER): OptionCheck =>
  (value) => {
    if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max) return undefined
    const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`
    return `must be a whole number ${range}, not ${formatValue(value)}`
  }

export const checkPositive: OptionCheck = (value) =>
  typeof value === 'number' && value > 0 ? undefined : `must be a number above 0, not ${formatValue(value)}`

export const checkString: OptionCheck = (value) =>
  typeof value === 'string' && value !== '' ? undefined : `must be a non-empty string, not ${formatValue(value)}`

export const checkBoolean: OptionCheck = (value) =>
  typeof value === 'boolean' ? undefined : `must be true or false, not ${formatValue(value)}`

export const checkObject: OptionCheck = (value) =>
  typeof value === 'object' && value !== null ? undefined : `must be an object, not ${formatValue(value)}`

export const checkFunction: OptionCheck = (value) =>
  typeof value === 'function' ? undefined : `must be a function, not ${formatValue(value)}`

/** The value must be an object with these functions. */
export const checkMethods =
  (...names: readonly string[]): OptionCheck =>
  (value) => {
    if (typeof value !== 'object' || value === null) return `must be an object, not ${formatValue(value)}`
    const missing = names.filter((name) => typeof (value as Record<string, unknown>)[name] !== 'function')
    return missing.length === 0 ? undefined : `has no ${missing.map((name) => `${name}()`).join(', ')}`
  }

/** Unknown names and invalid values. An option that is undefined counts as left out. */
export function findOptionProblems(options: object, checks: Readonly<Record<string, OptionCheck>>): OptionProblem[] {
  const problems: OptionProblem[] = []
  for (const [path, value] of Object.entries(options)) {
    const check = Object.hasOwn(checks, path) ? checks[path] : undefined
    if (check === undefined)
      problems.push({ path, problem: `is not an option${suggestion(path, Object.keys(checks))}` })
    else if (value !== undefined) {
      const problem = check(value)
      if (problem !== undefined) problems.push({ path, problem })
    }
  }
  return problems
}

/** The problems of an option that is an object with options of its own, in one sentence. */
export function checkParts(value: object, checks: Readonly<Record<string, OptionCheck>>): string | undefined {
  const problems = findOptionProblems(value, checks)
  if (problems.length === 0) return undefined
  return `is invalid: ${problems.map(({ path, problem }) => `${path} ${problem}`).join(', and ')}`
}

/** Throws one ERR_RAFT_OPTIONS that names every problem, if there are any. */
export function throwOnProblems(problems: readonly OptionProblem[]): void {
  if (problems.length === 0) return
  const lines = problems.map(({ path, problem }) => `${path} ${problem}`)
  throw new RaftError('ERR_RAFT_OPTIONS', `invalid options: ${lines.join('; ')}`, {
    hint: 'fix all of them (every problem is listed)',
    details: { problems: problems.length, ...Object.fromEntries(problems.map(({ path, problem }) => [path, problem])) },
  })
}

/** The options that have a default: as given, or their default if left out or undefined. */
export function withDefaults<Options extends object>(
  defaults: Options,
  options: { readonly [Name in keyof Options]?: Options[Name] | undefined },
): Options {
  const merged = { ...defaults }
  for (const name of Object.keys(defaults) as (keyof Options)[]) merged[name] = options[name] ?? defaults[name]
  return merged
}

/** The same options without the keys whose value is undefined. */
export function withoutUndefined<Options extends object>(options: Options): Options {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Options
}

export function formatValue(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  if (typeof value === 'function') return 'a function'
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}

/** Ends a message about an unknown name: what was probably meant, or nothing. */
export function suggestion(name: string, known: readonly string[]): string {
  const best = closest(name, [...known])
  const isNear = distance(name.toLowerCase(), best.toLowerCase()) <= Math.max(2, name.length / 3)
  const suggested = isNear ? best : known.find((full) => isSubsequence(name.toLowerCase(), full.toLowerCase()))
  return suggested === undefined ? '' : `; did you mean ${suggested}?`
}

/** Whether the letters of `name` occur in `full` in the same order: an abbreviation such as heartbeatMs. */
function isSubsequence(name: string, full: string): boolean {
  let matched = 0
  for (const letter of full) if (letter === name[matched]) matched++
  return name.length > 2 && matched === name.length
}

/** Throws ERR_RAFT_OPTIONS if the term of a conditional proposal is none. */
export function assertTerm(expectTerm: unknown): void {
  const problem = expectTerm === undefined ? undefined : checkTerm(expectTerm)
  if (problem !== undefined) throw new RaftError('ERR_RAFT_OPTIONS', `expectTerm ${problem}`)
}

const checkTerm = checkInteger(1)

/** Throws ERR_RAFT_OPTIONS unless it is absent or an index of an entry. */
export function assertIndex(name: string, index: unknown): void {
  const problem = index === undefined ? undefined : checkTerm(index)
  if (problem !== undefined) throw new RaftError('ERR_RAFT_OPTIONS', `${name} ${problem}`)
}

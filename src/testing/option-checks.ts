/** Checks the options of the test kit. An option that nothing reads, or that leaves nothing to check, would let a faulty program pass. */
import type { OptionCheck, OptionProblem } from '../platform/options.ts'
import { checkMethods, findOptionProblems, formatValue, suggestion, throwOnProblems } from '../platform/options.ts'

export type OptionChecks = Readonly<Record<string, OptionCheck>>

/** What is known about the options of one function. */
export interface OptionTable {
  readonly checks: OptionChecks
  /** Options that are objects with options of their own. */
  readonly nested?: Readonly<Record<string, OptionTable>>
  readonly required?: readonly string[]
}

/** Throws one ERR_RAFT_OPTIONS that names every problem: unknown names, invalid values and missing options. */
export function checkOptions(options: object, table: OptionTable): void {
  throwOnProblems(optionProblems(options, table, ''))
}

/** What is wrong with the options; `path` is where they are. */
export function optionProblems(
  options: unknown,
  { checks, nested = {}, required = [] }: OptionTable,
  path: string,
): OptionProblem[] {
  if (typeof options !== 'object' || options === null)
    return [{ path: path === '' ? 'the options' : path, problem: `must be an object, not ${formatValue(options)}` }]
  const given = options as Readonly<Record<string, unknown>>
  const within = (name: string): string => (path === '' ? name : `${path}.${name}`)
  const isObject: OptionChecks = Object.fromEntries(Object.keys(nested).map((name) => [name, () => undefined]))
  return [
    ...required.filter((name) => given[name] === undefined).map((name) => ({ path: name, problem: 'is missing' })),
    ...findOptionProblems(given, { ...checks, ...isObject }),
  ]
    .map((found) => ({ ...found, path: within(found.path) }))
    .concat(
      Object.entries(nested).flatMap(([name, inner]) =>
        given[name] === undefined ? [] : optionProblems(given[name], inner, within(name)),
      ),
    )
}

/** A seed of random numbers. */
export const checkSeed: OptionCheck = (value) =>
  Number.isSafeInteger(value) ? undefined : `must be a whole number, not ${formatValue(value)}`

/** An arbitrary of fast-check. */
export const checkArbitrary: OptionCheck = checkMethods('generate', 'shrink')

export const checkCodec: OptionCheck = checkMethods('encode', 'decode')

export const checkArray: OptionCheck = (value) =>
  Array.isArray(value) ? undefined : `must be an array, not ${formatValue(value)}`

/** An array of strings. */
export const checkStrings: OptionCheck = (value) =>
  checkArray(value) ??
  (value as readonly unknown[])
    .filter((item) => typeof item !== 'string')
    .map((item) => `must contain strings, not ${formatValue(item)}`)[0]

/** An array of some of these names. */
export const checkNames =
  (known: readonly string[]): OptionCheck =>
  (value) =>
    checkStrings(value) ??
    (value as readonly string[])
      .filter((name) => !known.includes(name))
      .map((name) => {
        const suggested = suggestion(name, known)
        return `must not contain ${formatValue(name)}${suggested === '' ? `: use ${known.join(', ')}` : suggested}`
      })[0]

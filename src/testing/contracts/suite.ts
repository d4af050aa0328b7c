/** The suite of a contract: groups of checks for any test runner, without those that need an ability which is lacking. */
import { toldCheck } from './told-check.ts'

export interface SuiteOptions<Lacking extends string> {
  readonly describe: (name: string, body: () => void) => unknown
  readonly it: (name: string, body: () => Promise<void>) => unknown
  /** What cannot be done here; the checks that need it are left out, and the suite's name says so. None by default. */
  readonly without?: readonly Lacking[] | undefined
}

/** Checks that belong together, and are told to `define` one after the other. */
export interface Group<Body, Lacking extends string> {
  readonly name: string
  readonly define: (check: (title: string, body: Body) => unknown) => void
  /** Where the author of what is tried looks first when a check of this group fails. */
  readonly lookAt: string
  readonly needs?: Lacking
}

/** `run` gives a check's body what it is to be tried on. */
export function defineSuite<Body, Lacking extends string>(
  title: string,
  { describe, it, without = [] }: SuiteOptions<Lacking>,
  groups: readonly Group<Body, Lacking>[],
  run: (body: Body) => Promise<void>,
): void {
  const left = without.length === 0 ? '' : ` (without ${without.join(', ')})`
  describe(`${title}${left}`, () => {
    for (const { name, define, lookAt, needs } of groups) {
      if (needs !== undefined && without.includes(needs)) continue
      const check = (what: string, body: Body): unknown =>
        it(what, () => toldCheck({ promise: `${name} ${what}`, lookAt }, () => run(body)))
      describe(name, () => define(check))
    }
  })
}

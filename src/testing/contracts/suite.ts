/** The suite of a contract: groups of checks for any test runner, without those that need an ability which is lacking. */
import { annotatedCheck } from './annotated-check.ts'

export interface SuiteOptions<Capability extends string> {
  readonly describe: (name: string, body: () => void) => unknown
  readonly it: (name: string, body: () => Promise<void>) => unknown
  /** What cannot be done here; the checks that need it are left out, and the suite's name says so. None by default. */
  readonly unsupported?: readonly Capability[] | undefined
}

/** Checks that belong together, and are told to `define` one after the other. */
export interface CheckGroup<Body, Capability extends string> {
  readonly name: string
  readonly define: (check: (title: string, body: Body) => unknown) => void
  /** Where the author of what is tried looks first when a check of this group fails. */
  readonly hint: string
  readonly requires?: Capability
}

/** `run` gives a check's body what it is to be tried on. */
export function defineSuite<Body, Capability extends string>(
  title: string,
  { describe, it, unsupported = [] }: SuiteOptions<Capability>,
  groups: readonly CheckGroup<Body, Capability>[],
  run: (body: Body) => Promise<void>,
): void {
  const left = unsupported.length === 0 ? '' : ` (without ${unsupported.join(', ')})`
  describe(`${title}${left}`, () => {
    for (const { name, define, hint, requires } of groups) {
      if (requires !== undefined && unsupported.includes(requires)) continue
      const check = (what: string, body: Body): unknown =>
        it(what, () => annotatedCheck({ requirement: `${name} ${what}`, hint }, () => run(body)))
      describe(name, () => define(check))
    }
  })
}

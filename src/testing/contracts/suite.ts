/** Defines the suite of a contract for any test runner: groups of checks, without those that the fixture cannot support. */
import { checkFunction } from '../../platform/options.ts'
import type { OptionChecks, OptionTable } from '../option-checks.ts'
import { checkNames } from '../option-checks.ts'
import { annotatedCheck } from './annotated-check.ts'

/** The functions of the test runner, and the capabilities that the fixture lacks. */
export interface SuiteOptions<Capability extends string> {
  readonly describe: (name: string, body: () => void) => unknown
  readonly it: (name: string, body: () => Promise<void>) => unknown
  /**
   * Capabilities that the fixture lacks. Their checks are left out; the name of the suite lists the capabilities, and its last entry also the
   * number of these checks. None by default.
   */
  readonly unsupported?: readonly Capability[] | undefined
}

/** The options of every suite, with the capabilities that exist. */
export function suiteOptions(capabilities: readonly string[], others: OptionChecks): OptionTable {
  return {
    checks: {
      describe: checkFunction,
      it: checkFunction,
      make: checkFunction,
      unsupported: checkNames(capabilities),
      ...others,
    },
    required: ['describe', 'it', 'make'],
  }
}

/** A group of checks. The name of the group and the title of a check form a sentence. */
export interface CheckGroup<Body, Capability extends string> {
  readonly name: string
  /** Defines the checks of the group by calling `check` for each. */
  readonly define: (check: (title: string, body: Body) => unknown) => void
  /** The part of the implementation to look at first when a check of this group fails. */
  readonly hint: string
  readonly requires?: Capability
}

/** Defines the suite. `run` executes the body of a check with a fresh fixture, and may tell what happened in it. */
export function defineSuite<Body, Capability extends string>(
  title: string,
  { describe, it, unsupported = [] }: SuiteOptions<Capability>,
  groups: readonly CheckGroup<Body, Capability>[],
  run: (body: Body, tell: (happened: string) => void) => Promise<void>,
): void {
  const skipped = unsupported.length === 0 ? '' : ` (without ${unsupported.join(', ')})`
  describe(`${title}${skipped}`, () => {
    let left = 0
    for (const { name, define, hint, requires } of groups) {
      if (requires !== undefined && unsupported.includes(requires)) {
        define(() => left++)
        continue
      }
      const check = (checkTitle: string, body: Body): unknown =>
        it(checkTitle, () => annotatedCheck({ requirement: `${name} ${checkTitle}`, hint }, (tell) => run(body, tell)))
      describe(name, () => define(check))
    }
    if (left > 0) it(`leaves ${left} checks out, without ${unsupported.join(', ')}`, async () => undefined)
  })
}

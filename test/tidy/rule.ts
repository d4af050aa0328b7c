/** A rule over the text of the repository, with examples that test the rule itself. */
import type { Repository } from './repository.ts'

export interface Rule {
  /** The rule in one sentence: the title of its test. */
  readonly statement: string
  /** What to do when the test fails. */
  readonly remedy: string
  /** One line for each place that breaks the rule. */
  readonly violations: (repository: Repository) => string[]
  /** Files (path and text) that break the rule; each example is checked on its own. */
  readonly rejected: readonly Readonly<Record<string, string>>[]
  /** Similar files that follow it. */
  readonly accepted?: readonly Readonly<Record<string, string>>[]
}

/** What a house rule is: a law, a remedy for whoever broke it, and small houses it must reject, so that it is known to work. */
import type { Repository } from './repository.ts'

export interface Rule {
  /** The law, as the title of the test. */
  readonly statement: string
  /** What to do when the test fails. */
  readonly remedy: string
  /** Where the law is broken, one line each. */
  readonly violations: (house: Repository) => string[]
  /** Houses (path and text) that break it, each on its own. */
  readonly rejected: readonly Readonly<Record<string, string>>[]
  /** Houses that look alike and keep it. */
  readonly accepted?: readonly Readonly<Record<string, string>>[]
}

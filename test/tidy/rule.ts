/** What a house rule is: a law, a remedy for whoever broke it, and small houses it must reject, so that it is known to work. */
import type { House } from './house.ts'

export interface Rule {
  /** The law, as the title of the test. */
  readonly law: string
  /** What to do when the test fails. */
  readonly remedy: string
  /** Where the law is broken, one line each. */
  readonly breaches: (house: House) => string[]
  /** Houses (path and text) that break it, each on its own. */
  readonly rejects: readonly Readonly<Record<string, string>>[]
  /** Houses that look alike and keep it. */
  readonly accepts?: readonly Readonly<Record<string, string>>[]
}

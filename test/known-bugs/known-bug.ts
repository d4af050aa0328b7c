/** A known bug: a small edit of our own sources that repeats a bug which another system has shipped. */
import type { RunPlan } from '../../src/testing/arbitraries/plans.ts'
import type { SimulationOptions } from '../../src/testing/simulate.ts'
import type { MutantKit } from './build-mutant.ts'

/** Replaces one piece of source text. */
export interface Edit {
  /** Relative to the root of the repository. */
  readonly file: string
  /** Must occur exactly once in the file. */
  readonly from: string
  readonly to: string
}

export interface KnownBug {
  /** Its name on the command line and on the page. */
  readonly name: string
  /** What the node does wrong; completes the sentence "a node that …". */
  readonly does: string
  /** The system that had the bug. */
  readonly system: string
  /** Where the bug is described: a repository with an issue number or commit, a file, an article. */
  readonly sources: readonly string[]
  readonly edits: readonly Edit[]
  /** The ids of the properties that may be violated first. */
  readonly detectedBy: readonly string[]
  /** How many generated runs may be needed; RUNS_MAX by default. */
  readonly runsMax?: number | undefined
  /** The conditions of the run in words, if purely generated runs would take too long to show the bug. */
  readonly conditions?: string | undefined
  /** The same conditions as changes of a generated run. */
  readonly overrides?: ((generated: RunPlan) => Partial<SimulationOptions>) | undefined
  /** Replaces the generated run, if only actions of an operator can show the bug. Resolves with the failure, if there was one. */
  readonly customRun?: ((kit: MutantKit, generated: RunPlan) => Promise<unknown>) | undefined
}

/** A bug that no simulated run can show, with the reason. */
export interface OmittedBug {
  readonly does: string
  readonly system: string
  readonly sources: readonly string[]
  readonly why: string
}

/** How many generated runs a bug may need, unless it sets `runsMax`. */
export const RUNS_MAX = 1000

/** A bug that somebody has shipped, as a change of our own sources: what it is, who had it, and which promise must notice it. */
import type { RunPlan } from '../../src/testing/arbitraries/plans.ts'
import type { SimulationOptions } from '../../src/testing/simulate.ts'
import type { MutantKit } from './build-mutant.ts'

/** One place where the sources are made wrong. */
export interface Edit {
  /** From the root of the repository. */
  readonly file: string
  /** Stands there exactly once. */
  readonly from: string
  readonly to: string
}

export interface KnownBug {
  /** Its name on the command line. */
  readonly name: string
  /** What the node does wrong, as the end of "a node that …". */
  readonly does: string
  /** Whose bug it was. */
  readonly system: string
  /** Where it is told: a repository and number, a file, an article. */
  readonly sources: readonly string[]
  readonly edits: readonly Edit[]
  /** Any of these promises may be the first to be broken. */
  readonly detectedBy: readonly string[]
  /** How many drawn runs it may take; by default SEEDS_MAX. */
  readonly runsMax?: number | undefined
  /** What has to be so for the bug to show, if the drawn runs alone would take too long: in words, and as a change of the plan. */
  readonly conditions?: string | undefined
  readonly overrides?: ((drawn: RunPlan) => Partial<SimulationOptions>) | undefined
  /** Told instead of the drawn run, if only an operator's doings can show it. Resolves with what was wrong, if anything was. */
  readonly customRun?: ((kit: MutantKit, drawn: RunPlan) => Promise<unknown>) | undefined
}

/** A bug that no run here can show, with the reason. */
export interface OmittedBug {
  readonly does: string
  readonly system: string
  readonly sources: readonly string[]
  readonly why: string
}

/** Drawn runs an exhibit may take to be caught, unless it says otherwise. */
export const RUNS_MAX = 1000

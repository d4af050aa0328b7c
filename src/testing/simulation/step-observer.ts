/** Somebody who is shown a run between any two things that happen in it, and may end it there. */
import type { WorldState } from './world-state.ts'

/** A run as it stands. */
export interface SimulationStep {
  /** How many things have happened. */
  readonly event: number
  readonly timeUs: number
  /** When the next thing is due; undefined if nothing is. */
  readonly nextUs: number | undefined
  /** Nothing comes after this: the run was stopped, has failed, or has come to its end. */
  readonly isOver: boolean
  /** The lines of the trace so far, if the run is traced. */
  readonly lines: readonly string[]
  /** All there is in the world; asking changes nothing. */
  state(): Promise<WorldState>
}

export type StepObserver = (step: SimulationStep) => 'go on' | 'stop' | Promise<'go on' | 'stop'>

/** An observer that receives the state of a run after every event, and may end the run there. */
import type { WorldState } from './world-state.ts'

/** The state of a run between two events. */
export interface SimulationStep {
  /** The number of events executed so far. */
  readonly event: number
  readonly timeUs: number
  /** When the next event is due; undefined if none is scheduled. */
  readonly nextUs: number | undefined
  /** Whether this is the last step: the run was stopped, failed or ended. */
  readonly isOver: boolean
  /** The trace so far; empty unless the run is traced. */
  readonly traceLines: readonly string[]
  /** Reads the complete state of the simulation, without changing it. */
  state(): Promise<WorldState>
}

export type StepObserver = (step: SimulationStep) => 'continue' | 'stop' | Promise<'continue' | 'stop'>

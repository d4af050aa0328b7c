/** The number of simulated runs, from the environment: RUNS sets it, SEED and REPLAY repeat a failure. */

export function runsOr(standard: number): number {
  return Number(process.env.RUNS ?? standard)
}

export const SEED: number = Number(process.env.SEED ?? 20260101)

export const REPLAY: string | undefined = process.env.REPLAY

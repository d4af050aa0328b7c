/** The number of simulated runs, from the environment: RUNS sets it, SEED and REPLAY repeat a failure. */

export function runsOr(byDefault: number): number {
  return Number(process.env.RUNS ?? byDefault)
}

export const SEED: number = Number(process.env.SEED ?? 20260101)

export const REPLAY: string | undefined = process.env.REPLAY

/** The traces of a few random runs. Run as a program with a seed as argument, it prints them for another process to compare. */
import fc from 'fast-check'
import { runPlans } from '../../src/testing/arbitraries/plans.ts'
import { simulate } from '../../src/testing/simulate.ts'

const UNTIL_MS = 2000
const PLANS = 3

export async function tracesOf(seed: number): Promise<string> {
  let traces = ''
  for (const plan of fc.sample(runPlans({ untilMs: UNTIL_MS }), { numRuns: PLANS, seed })) {
    const { trace } = await simulate({ ...plan, healAtMs: UNTIL_MS, isTraced: true })
    traces += trace
  }
  return traces
}

const [, program, seed] = process.argv
if (program === import.meta.filename) process.stdout.write(await tracesOf(Number(seed)))

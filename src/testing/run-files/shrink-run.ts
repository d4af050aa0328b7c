/** Shrinks a failed run: removes faults and calls that its failure does not need, many at once, then one by one. */
import { removeUnneeded } from '../remove-unneeded.ts'
import type { ShrinkBudget } from '../shrink-budget.ts'
import type { SimulationOptions } from '../simulate.ts'
import { simulate } from '../simulate.ts'
import { failureName } from './outcome.ts'

/** A removed item changes all later random choices, so a smaller run is tried with this many seeds. */
const SEEDS_TRIED = 4
const SEED_LIMIT = 0x80000000

/** Returns a run with fewer calls and faults that fails under the same name. */
export async function shrinkRun(options: SimulationOptions, budget: ShrinkBudget): Promise<SimulationOptions> {
  if (!budget.take()) return options
  const { failure: first } = await simulate(options)
  if (first === undefined) return options
  let best = options
  const stillFails = async (shorter: SimulationOptions): Promise<boolean> => {
    for (let other = 0; other < SEEDS_TRIED && budget.take(); other++) {
      const plan = { ...shorter, seed: (best.seed + other) % SEED_LIMIT }
      const { failure } = await simulate(plan)
      if (failure === undefined || failureName(failure) !== failureName(first)) continue
      best = plan
      return true
    }
    return false
  }
  for (let before = Infinity; sizeOf(best) < before && budget.ended === undefined; ) {
    before = sizeOf(best)
    await removeUnneeded(best.faults, (faults) => stillFails({ ...best, faults }))
    await removeUnneeded(best.workload, (workload) => stillFails({ ...best, workload }))
  }
  return best
}

function sizeOf({ workload, faults }: SimulationOptions): number {
  return workload.length + faults.length
}

/** Takes away from a failed run what its failure does not need: faults and calls, many at once, then one by one. */
import type { SimulationOptions } from '../simulate.ts'
import { simulate } from '../simulate.ts'
import { failureName } from './outcome.ts'

/** What is left out changes all chance that comes after it: a shorter run is given this many seeds to fail by. */
const SEEDS_TRIED = 4
const SEED_LIMIT = 0x80000000

/** A run with fewer calls and faults in which the same promise breaks; no more than `triesMax` runs are spent on it. */
export async function shrinkRun(options: SimulationOptions, triesMax: number): Promise<SimulationOptions> {
  if (triesMax <= 0) return options
  const { failure: first } = await simulate(options)
  if (first === undefined) return options
  let tries = triesMax
  let best = options
  const stillFails = async (shorter: SimulationOptions): Promise<boolean> => {
    for (let other = 0; other < SEEDS_TRIED && tries-- > 0; other++) {
      const plan = { ...shorter, seed: (best.seed + other) % SEED_LIMIT }
      const { failure } = await simulate(plan)
      if (failure === undefined || failureName(failure) !== failureName(first)) continue
      best = plan
      return true
    }
    return false
  }
  for (let before = Infinity; sizeOf(best) < before && tries > 0; ) {
    before = sizeOf(best)
    await removeUnneeded(best.faults, (faults) => stillFails({ ...best, faults }))
    await removeUnneeded(best.workload, (workload) => stillFails({ ...best, workload }))
  }
  return best
}

function sizeOf({ workload, faults }: SimulationOptions): number {
  return workload.length + faults.length
}

/** Tries to do without halves, then quarters, and in the end without single items; from the last one on, for the early ones matter. */
async function removeUnneeded<Item>(
  items: readonly Item[],
  stillFails: (fewer: readonly Item[]) => Promise<boolean>,
): Promise<void> {
  let left = items
  for (let size = left.length; size >= 1; size = Math.floor(size / 2))
    for (let end = left.length; end > 0; end -= size) {
      const fewer = [...left.slice(0, Math.max(0, end - size)), ...left.slice(end)]
      if (await stillFails(fewer)) left = fewer
    }
}

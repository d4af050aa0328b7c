/** Shrinks a failed run: removes faults and calls that its failure does not need, many at once, then one by one. */
import type { SimulationOptions } from '../simulate.ts'
import { simulate } from '../simulate.ts'
import { failureName } from './outcome.ts'

/** A removed item changes all later random choices, so a smaller run is tried with this many seeds. */
const SEEDS_TRIED = 4
const SEED_LIMIT = 0x80000000

/** Returns a run with fewer calls and faults that fails under the same name, using at most `triesMax` runs. */
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

/** Tries to remove halves, then quarters, down to single items. Starts at the end, because later items usually depend on earlier ones. */
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

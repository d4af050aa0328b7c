/**
 * Measures what `quorate/metrics` costs, in CPU time: two clusters in this process, one of them with metrics, take turns with the same load. A third
 * without metrics takes turns with the first as well; its ratio shows the noise.
 */
import { parseArgs } from 'node:util'
import type { Observer } from 'quorate'
import type { MemoryCluster } from 'quorate/memory'
import { startMemoryCluster } from 'quorate/memory'
import { NodeMetrics } from 'quorate/metrics'

const OUTSTANDING = 1024
const PROPOSALS_PER_ROUND = 10_240

const { rounds = '200' } = parseArgs({ options: { rounds: { type: 'string' } } }).values

class Counter {
  #count = 0

  apply(by: number): number {
    this.#count += by
    return this.#count
  }

  *snapshot(): Generator<Uint8Array> {
    yield Buffer.from(String(this.#count))
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    let text = ''
    for await (const chunk of chunks) text += Buffer.from(chunk).toString()
    this.#count = Number(text)
  }
}

type Cluster = MemoryCluster<number, number>

const start = (observers: readonly Observer[]): Promise<Cluster> =>
  startMemoryCluster({ nodes: 3, stateMachine: () => new Counter(), observers, snapshotEntries: 1e9 })

/** The CPU time of one proposal in a round, on all three nodes, in microseconds. */
async function round(cluster: Cluster): Promise<number> {
  const leader = await cluster.leader()
  let left = PROPOSALS_PER_ROUND
  const worker = async (): Promise<void> => {
    while (left-- > 0) await leader.propose(1)
  }
  const before = process.cpuUsage()
  await Promise.all(Array.from({ length: OUTSTANDING }, worker))
  const { user, system } = process.cpuUsage(before)
  return (user + system) / PROPOSALS_PER_ROUND
}

/** The median, and between which of the sorted ratios it lies with 95 % confidence: the ranks follow the binomial distribution. */
function report(name: string, ratios: readonly number[]): void {
  const sorted = ratios.toSorted((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  const reach = 0.98 * Math.sqrt(sorted.length)
  const at = (rank: number): string => (sorted[Math.min(sorted.length - 1, Math.max(0, rank))] as number).toFixed(3)
  const interval = `${at(Math.floor(middle - reach))} to ${at(Math.ceil(middle + reach))}`
  console.log(`${name}: median ${at(Math.round(middle))}, 95 % interval ${interval}, of ${sorted.length} pairs`)
}

const plain = await start([])
const same = await start([])
const measured = await start([new NodeMetrics()])
for (let warmUp = 0; warmUp < 8; warmUp++) for (const each of [plain, same, measured]) await round(each)
const ratios = { measured: [] as number[], same: [] as number[] }
let cheapest = Number.POSITIVE_INFINITY
for (let pair = 0; pair < Number(rounds); pair++) {
  for (const [name, other] of Object.entries({ measured, same }) as ['measured' | 'same', Cluster][]) {
    // Who goes first alternates, so that a slow period does not favour one.
    const order = pair % 2 === 0 ? [plain, other] : [other, plain]
    const costs = new Map<Cluster, number>()
    for (const each of order) costs.set(each, await round(each))
    cheapest = Math.min(cheapest, costs.get(plain) as number)
    ratios[name].push((costs.get(other) as number) / (costs.get(plain) as number))
  }
}
console.log(
  `${OUTSTANDING} outstanding, ${cheapest.toFixed(1)} us of CPU time per proposal on three nodes, without metrics`,
)
report('with metrics / without', ratios.measured)
report('without / without     ', ratios.same)
for (const each of [plain, same, measured]) await each.close()

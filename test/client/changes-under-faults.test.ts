/**
 * A client follows the changes of a cluster whose nodes crash, hang, are cut off and restore snapshots: no gap, no repetition. `RUNS=200` makes more
 * runs.
 */
import assert from 'node:assert/strict'
import { RaftClient } from '../../src/client/raft-client.ts'
import { isRaftError } from '../../src/errors.ts'
import { memoryChannelFactory } from '../../src/memory/memory-channel.ts'
import { SeededRandom } from '../../src/testing/simulation/seeded-random.ts'
import { NodeClock } from '../../src/testing/simulation/virtual-clock.ts'
import { VirtualCluster } from '../runtime/virtual-cluster.ts'

const RUNS = Number(process.env.RUNS ?? 20)
const FAULTS = 25
const IDS = ['a', 'b', 'c'] as const

describe('the changes of a cluster under faults', function () {
  this.timeout(30_000)

  for (let seed = 1; seed <= RUNS; seed++)
    it(`have no gap and no repetition (seed ${seed})`, async () => {
      const run = new Run(seed)
      await run.start()
      try {
        for (let fault = 0; fault < FAULTS; fault++) await run.injectFault()
        await run.heal()
        await run.compareAll()
      } finally {
        await run.close()
      }
    })
})

class Run {
  readonly #random: SeededRandom
  readonly #cluster: VirtualCluster
  readonly #client: RaftClient<string, number>
  /** What the reader makes of the changes: it must become the journal of the nodes. */
  #copy: string[] = []
  #nextIndex = 1
  #failure: unknown
  #commands = 0

  constructor(seed: number) {
    this.#random = new SeededRandom(seed)
    const changesMax = this.#random.pick([4, 20, 1000])
    this.#cluster = new VirtualCluster(IDS.join(' '), {
      changesMax,
      trailingEntries: 0,
      laggardBytesMax: 0,
    })
    const clock = new NodeClock(this.#cluster.time, { startMs: 0, ratePerMille: 1000 })
    this.#client = new RaftClient<string, number>({
      endpoints: IDS.map((id) => `memory:${id}`),
      channel: memoryChannelFactory((address) => this.#cluster.nodes.get(address.slice('memory:'.length)), { clock }),
      clock,
      random: () => this.#random.below(1000) / 1000,
    })
  }

  async start(): Promise<void> {
    await this.#cluster.startAll()
    void this.#follow().catch((error: unknown) => {
      this.#failure = error
    })
  }

  async injectFault(): Promise<void> {
    const cluster = this.#cluster
    this.#propose()
    const id = this.#random.pick(IDS)
    const node = cluster.nodes.get(id)
    const clock = cluster.clocks.get(id)
    const fault = this.#random.below(6)
    if (node === undefined) await cluster.start(id)
    else if (fault === 0) cluster.crash(id)
    else if (fault === 1) cluster.isolate(id)
    else if (fault === 2) for (const each of IDS) cluster.rejoin(each)
    else if (fault === 3) for (const each of cluster.nodes.values()) void each.takeSnapshot().catch(() => undefined)
    else if (fault === 4) void node.transferLeadership().catch(() => undefined)
    else {
      clock?.pause()
      await cluster.advance(this.#random.below(4000))
      clock?.resume()
    }
    await cluster.advance(this.#random.pick([10, 200, 2500]))
    if (this.#failure !== undefined) throw this.#failure
  }

  async heal(): Promise<void> {
    for (const id of IDS) {
      this.#cluster.rejoin(id)
      if (!this.#cluster.nodes.has(id)) await this.#cluster.start(id)
    }
    await this.#cluster.advance(20_000)
    await this.#cluster.runUntilSettled(this.#client.propose('last'))
  }

  async compareAll(): Promise<void> {
    await this.#cluster.runUntil(() => this.#failure !== undefined || this.#copy.at(-1) === 'last')
    if (this.#failure !== undefined) throw this.#failure
    assert.deepEqual(this.#copy, this.#cluster.entries((await this.#cluster.leader()).id))
  }

  async close(): Promise<void> {
    await this.#cluster.runUntilSettled(this.#client.close())
    await this.#cluster.close()
  }

  #propose(): void {
    for (let count = this.#random.below(6); count >= 0; count--)
      this.#client.propose(`${this.#commands++}`, { timeoutMs: 10_000 }).catch(() => undefined)
  }

  async #follow(): Promise<void> {
    for (;;) {
      try {
        for await (const { index, command, result } of this.#client.changes({ from: this.#nextIndex })) {
          assert.ok(index >= this.#nextIndex, `index ${index} comes again`)
          this.#nextIndex = index + 1
          this.#copy.push(command)
          // The journal returns the number of its commands.
          assert.equal(result, this.#copy.length, `before index ${index} there is a gap, or a repetition`)
        }
      } catch (error) {
        if (isRaftError(error, 'ERR_RAFT_CLOSED')) return
        if (!isRaftError(error, 'ERR_RAFT_COMPACTED')) throw error
        await this.#startFromState()
      }
    }
  }

  async #startFromState(): Promise<void> {
    for (const [id, node] of this.#cluster.nodes) {
      const read = node.read((appliedIndex) => ({ appliedIndex, copy: [...this.#cluster.entries(id)] }), {
        mode: 'local',
      })
      const state = await read.catch(() => undefined)
      if (state === undefined || state.appliedIndex < this.#nextIndex) continue
      this.#copy = state.copy
      this.#nextIndex = state.appliedIndex + 1
      return
    }
  }
}

import assert from 'node:assert/strict'
import { simulate } from '../../src/testing/simulate.ts'
import { Clients } from '../../src/testing/simulation/clients.ts'
import { Cluster } from '../../src/testing/simulation/cluster.ts'
import type { SimulatedNode } from '../../src/testing/simulation/simulated-node.ts'
import type { Call } from '../../src/testing/simulation/workload.ts'
import { LEADER } from '../../src/testing/simulation/workload.ts'

describe('a node that lost its data directory', () => {
  for (const seed of [1, 2, 3])
    it(`is rejected, does not vote, and is replaced by a membership change (seed ${seed})`, async () => {
      const cluster = new Cluster({ seed, plan: { voters: 3, spares: 1 }, settings: {}, isTraced: false })
      const clients = new Clients(cluster)
      for (const node of cluster.nodes) node.start()
      await write(cluster, clients, 1000)

      const lost = cluster.nodes.slice(0, 3).find((node) => node !== cluster.leader) as SimulatedNode
      lost.wipe()
      lost.expectsRejection = true
      let sent = 0
      const see = cluster.monitor.observe.bind(cluster.monitor)
      cluster.monitor.observe = (observation) => {
        if (observation.type === 'sent' && observation.from === lost.id) sent++
        see(observation)
      }
      lost.start()
      const before = cluster.monitor.view.committedLog.lastIndex
      await write(cluster, clients, 2500)
      assert.ok(cluster.monitor.view.committedLog.lastIndex > before, 'the others made progress')
      assert.equal(sent, 0, 'it sent nothing')
      const failure = await Promise.race([lost.node?.failed, Promise.resolve(undefined)])
      assert.equal(failure?.code, 'ERR_RAFT_DIRECTORY_MISMATCH')

      const number = cluster.nodes.indexOf(lost)
      clients.perform({ type: 'change', atMs: 0, add: [3], promote: [], demote: [], remove: [number] })
      await write(cluster, clients, 4000)
      const members = cluster.leader?.node?.statusNow().membership
      assert.deepEqual(
        members?.voters,
        ['n0', 'n1', 'n2', 'n3'].filter((id) => id !== lost.id),
      )
      assert.equal(cluster.nodes[3]?.machine?.commands.size, cluster.leader?.machine?.commands.size)
      assert.equal(cluster.failure, undefined)
    })
})

describe('a membership change at the same moment as a loss of data', () => {
  it('may stop the cluster without violating a property', async () => {
    const demotion: Call = { type: 'change', atMs: 1500, add: [], promote: [], demote: [2], remove: [] }
    const result = await simulate({
      seed: 1,
      cluster: { voters: 3, spares: 0 },
      workload: [{ type: 'write', atMs: 1000, node: LEADER, count: 3 }, demotion],
      faults: [{ type: 'rot', atMs: 1500, node: 0, part: 'log', place: 2 }],
      healAtMs: 2500,
      isTraced: true,
    })
    assert.match(result.trace ?? '', /commits the membership \(n0 n1 \+n2\)/)
    assert.equal(result.failure, undefined)
  })
})

/** Runs the cluster until then, with a write every 100 ms. */
async function write(cluster: Cluster, clients: Clients, untilMs: number): Promise<void> {
  for (let atUs = cluster.time.nowUs + 300_000; atUs < untilMs * 1000; atUs += 100_000) {
    await cluster.runUntil(atUs)
    clients.perform({ type: 'write', atMs: 0, node: LEADER, count: 2 })
  }
  await cluster.runUntil(untilMs * 1000)
}

import assert from 'node:assert/strict'
import { simulate } from '../../src/testing/simulate.ts'
import { Clients } from '../../src/testing/simulation/clients.ts'
import { Cluster } from '../../src/testing/simulation/cluster.ts'
import type { SimulatedNode } from '../../src/testing/simulation/simulated-node.ts'
import type { Call } from '../../src/testing/simulation/workload.ts'
import { LEADER } from '../../src/testing/simulation/workload.ts'

describe('a node whose data directory was lost', () => {
  for (const seed of [1, 2, 3])
    it(`is refused under its old name, votes for nobody, and is replaced by a membership change (seed ${seed})`, async () => {
      const cluster = new Cluster({ seed, plan: { voters: 3, spares: 1 }, settings: {}, isTraced: false })
      const clients = new Clients(cluster)
      for (const node of cluster.nodes) node.start()
      await write(cluster, clients, 1000)

      const lost = cluster.nodes.slice(0, 3).find((node) => node !== cluster.leader) as SimulatedNode
      lost.wipe()
      lost.expectsRejection = true
      let said = 0
      const see = cluster.monitor.observe.bind(cluster.monitor)
      cluster.monitor.observe = (observation) => {
        if (observation.type === 'sent' && observation.from === lost.id) said++
        see(observation)
      }
      lost.start()
      const before = cluster.monitor.view.committedLog.lastIndex
      await write(cluster, clients, 2500)
      assert.ok(cluster.monitor.view.committedLog.lastIndex > before, 'the others went on')
      assert.equal(said, 0, 'it was not listened to')
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

describe('a membership change in the very moment in which data is lost', () => {
  it('may leave nobody to live, and no promise is broken by that', async () => {
    const demotion: Call = { type: 'change', atMs: 1500, add: [], promote: [], demote: [2], remove: [] }
    const history = await simulate({
      seed: 1,
      cluster: { voters: 3, spares: 0 },
      workload: [{ type: 'write', atMs: 1000, node: LEADER, count: 3 }, demotion],
      faults: [{ type: 'rot', atMs: 1500, node: 0, part: 'log', place: 2 }],
      healAtMs: 2500,
      isTraced: true,
    })
    assert.match(history.trace ?? '', /commits the membership \(n0 n1 \+n2\)/)
    assert.equal(history.failure, undefined)
  })
})

/** Lets the cluster run until then, writing now and then. */
async function write(cluster: Cluster, clients: Clients, untilMs: number): Promise<void> {
  for (let atUs = cluster.time.nowUs + 300_000; atUs < untilMs * 1000; atUs += 100_000) {
    await cluster.runUntil(atUs)
    clients.perform({ type: 'write', atMs: 0, node: LEADER, count: 2 })
  }
  await cluster.runUntil(untilMs * 1000)
}

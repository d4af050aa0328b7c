import assert from 'node:assert/strict'
import { startMemoryCluster } from '../src/memory-cluster.ts'
import { Journal } from './runtime/virtual-cluster.ts'

describe('a cluster in one process', () => {
  it('elects a leader, applies commands on every node, and restarts a stopped node with its data', async () => {
    const machines = new Map<string, Journal>()
    const cluster = await startMemoryCluster({
      nodes: 3,
      electionTimeoutMinMs: 60,
      electionTimeoutMaxMs: 120,
      heartbeatIntervalMs: 20,
      stateMachine: (id) => {
        const machine = new Journal()
        machines.set(id, machine)
        return machine
      },
    })
    try {
      const leader = await cluster.leader()
      assert.equal(await leader.propose('a'), 1)
      await cluster.stop(leader.id)
      assert.throws(() => cluster.node(leader.id), { code: 'ERR_RAFT_UNREACHABLE' })
      assert.equal(await (await cluster.leader()).propose('b'), 2)
      const again = await cluster.start(leader.id)
      await again.until((status) => status.leader !== undefined)
      assert.deepEqual(await again.read(() => machines.get(again.id)?.entries), ['a', 'b'])
    } finally {
      await cluster.close()
    }
  })

  it('requires at least one node', async () => {
    await assert.rejects(startMemoryCluster({ nodes: 0, stateMachine: () => new Journal() }), {
      code: 'ERR_RAFT_OPTIONS',
    })
  })
})

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { currentLeaders } from '../../src/testing/properties/liveness.ts'
import { simulate } from '../../src/testing/simulate.ts'
import { Cluster } from '../../src/testing/simulation/cluster.ts'
import type { Call } from '../../src/testing/simulation/workload.ts'
import { LEADER } from '../../src/testing/simulation/workload.ts'
import { runsOr, SEED } from './budget.ts'

const ELECTION_US = 300_000

describe('a cluster without faults', () => {
  it('elects one leader and commits all writes', async () => {
    const workload = writes({ from: 400, every: 25, count: 100 })
    const result = await simulate({ seed: 1, cluster: { voters: 3, spares: 0 }, workload, faults: [] })
    assert.equal(result.failure, undefined)
    assert.equal(result.eventCounts.get('becameLeader'), 1)
    assert.ok(result.commitIndex >= 100, `committed ${result.commitIndex}`)
  })

  for (const voters of [1, 2, 4, 7])
    it(`makes progress with ${voters} voters`, async () => {
      const workload = writes({ from: 600, every: 50, count: 20 })
      const result = await simulate({ seed: 2, cluster: { voters, spares: 0 }, workload, faults: [] })
      assert.equal(result.failure, undefined)
      assert.ok(result.commitIndex >= 20)
    })
})

describe('a cluster whose nodes crash', () => {
  it('elects another leader each time its leader crashes', async () => {
    const faults = [1000, 2000, 3000].map(
      (atMs) => ({ type: 'crash', atMs, node: LEADER, isHard: true, forMs: 700 }) as const,
    )
    const workload = writes({ from: 400, every: 20, count: 180 })
    const result = await simulate({ seed: 3, workload, faults })
    assert.equal(result.failure, undefined)
    assert.ok((result.eventCounts.get('becameLeader') ?? 0) >= 4)
    assert.ok(result.commitIndex >= 60, `committed ${result.commitIndex}`)
  })

  it('recovers from a crash of all nodes at once', async () => {
    const faults = [0, 1, 2].map(
      (node) => ({ type: 'crash', atMs: 2000, node, isHard: true, forMs: 100 + node }) as const,
    )
    const result = await simulate({ seed: 4, workload: writes({ from: 400, every: 20, count: 150 }), faults })
    assert.equal(result.failure, undefined)
  })
})

describe('a cluster with a permanent partial partition', () => {
  // L9: while some node reaches a quorum, a leader is elected and stays leader. Raft without pre-vote does not guarantee that.
  it('has a stable leader if some node reaches a quorum', async () => {
    const plans = fc.record({
      seed: fc.nat(),
      hub: fc.nat(4),
      cuts: fc.array(fc.tuple(fc.nat(4), fc.nat(4)), { maxLength: 10 }),
    })
    for (const { seed, hub, cuts } of fc.sample(plans, { numRuns: Math.ceil(runsOr(100) / 5), seed: SEED })) {
      const cluster = new Cluster({ seed, plan: { voters: 5, spares: 0 }, settings: {}, isTraced: false })
      for (const node of cluster.nodes) node.start()
      const reached = [1, 2].map((offset) => (hub + offset) % 5)
      for (const [one, other] of cuts) {
        const isOfHub = [one, other].includes(hub) && reached.some((near) => [one, other].includes(near))
        const isAmongReached = reached.includes(one) && reached.includes(other)
        if (one === other || isOfHub || isAmongReached) continue
        cluster.network.cut(`n${one}`, `n${other}`)
        cluster.network.cut(`n${other}`, `n${one}`)
      }
      await cluster.runUntil(20 * ELECTION_US)
      assert.equal(cluster.failure, undefined)
      const before = cluster.leader?.node?.statusNow()
      await cluster.runUntil(30 * ELECTION_US)
      const after = cluster.leader?.node?.statusNow()
      const situation = `seed ${seed}, hub n${hub}, cuts ${JSON.stringify(cuts)}`
      assert.ok(before !== undefined, `no leader: ${situation}`)
      assert.deepEqual([after?.id, after?.term], [before.id, before.term], `the leader changed: ${situation}`)
    }
  })
})

describe('the current leader', () => {
  it('is not a leader with a member in a later term', () => {
    const membership = { members: [{ id: 'a' }, { id: 'b' }] }
    const statuses = new Map([
      ['a', { id: 'a', role: 'leader', term: 1, membership }],
      ['b', { id: 'b', role: 'follower', term: 2, membership }],
    ]) as never
    assert.deepEqual(currentLeaders(statuses), [])
  })
})

function writes(options: { readonly from: number; readonly every: number; readonly count: number }): Call[] {
  const { from, every, count } = options
  return Array.from({ length: count }, (_, number) => ({
    type: 'write',
    atMs: from + number * every,
    node: number,
    count: 1,
  }))
}

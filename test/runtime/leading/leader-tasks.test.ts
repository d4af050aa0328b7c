import assert from 'node:assert/strict'
import { VirtualCluster } from '../virtual-cluster.ts'

describe('a function that runs while a node leads', () => {
  let cluster: VirtualCluster
  let runs: { node: string; term: number; signal: AbortSignal }[]

  beforeEach(async () => {
    runs = []
    cluster = new VirtualCluster('n1 n2 n3')
    for (const node of await cluster.startAll())
      node.whileLeader((term, signal) => {
        runs.push({ node: node.id, term, signal })
      })
  })

  afterEach(async () => {
    await cluster.close()
  })

  const run = (offset: number) => cluster.runUntil(() => runs[offset])

  it('runs on the leader only, once what was committed before is applied, with the term', async () => {
    const { node, term, signal } = await run(0)
    const status = cluster.node(node).statusNow()
    assert.deepEqual([status.role, status.term, signal.aborted], ['leader', term, false])
    const noopIndex = cluster.eventsOf(node, 'becameLeader')[0]?.noopIndex ?? Number.NaN
    assert.ok(status.appliedIndex >= noopIndex)
    await cluster.advance(5000)
    assert.equal(runs.length, 1)
  })

  it('is aborted when the leadership ends, and runs on the next leader with a higher term', async () => {
    const first = await run(0)
    await cluster.runUntilSettled(cluster.node(first.node).transferLeadership())
    const second = await run(1)
    assert.notEqual(second.node, first.node)
    assert.ok(second.term > first.term)
    assert.equal(first.signal.aborted, true)
  })

  it('is aborted on a leader without a quorum', async () => {
    const { node, signal } = await run(0)
    cluster.isolate(node)
    await cluster.runUntil(() => signal.aborted)
    assert.match(String(signal.reason), /stepped down \(lost-quorum\)/)
  })

  it('is aborted on a leader that was paused, and does not run there again without a quorum', async () => {
    const { node, signal } = await run(0)
    cluster.clocks.get(node)?.pause()
    const next = await run(1)
    assert.notEqual(next.node, node)
    cluster.clocks.get(node)?.resume()
    await cluster.runUntil(() => signal.aborted)
    assert.match(String(signal.reason), /paused for \d+ ms/)
    await cluster.advance(5000)
    assert.equal(runs.length, 2)
  })

  it('is aborted when the node closes', async () => {
    const { node, signal } = await run(0)
    await cluster.runUntilSettled(cluster.node(node).close())
    cluster.nodes.delete(node)
    assert.equal(signal.aborted, true)
  })

  it('starts at once on a node that leads already, does not run twice at the same time, and can be stopped', async () => {
    const { node, signal } = await run(0)
    let count = 0
    let aborted = false
    const task = cluster.node(node).whileLeader(async (_, own) => {
      count++
      await new Promise((resolve) => own.addEventListener('abort', resolve))
      aborted = true
    })
    await cluster.runUntil(() => count === 1)
    await cluster.runUntilSettled(task.stop())
    assert.deepEqual([count, aborted, signal.aborted], [1, true, false])
  })

  it('reports what it throws as an event', async () => {
    const { node, term } = await run(0)
    cluster.node(node).whileLeader(() => {
      throw new Error('no disk')
    })
    await cluster.runUntil(() => cluster.eventsOf(node, 'leaderTaskFailed').length > 0)
    assert.deepEqual(cluster.eventsOf(node, 'leaderTaskFailed'), [
      { type: 'leaderTaskFailed', term, message: 'Error: no disk' },
    ])
  })
})

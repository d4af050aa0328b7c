import assert from 'node:assert/strict'
import { fails, ScriptedCluster } from './scripted-cluster.ts'

describe('a query with atLeast', () => {
  it('is local by default, and any node may answer it', async () => {
    const cluster = new ScriptedCluster('n1', 'n2')
    const client = cluster.client({ endpoints: ['n2:1', 'n1:1'] })
    const { result, index, term } = await cluster.run(client.proposeWithIndex('a'))
    assert.deepEqual([result, index, term], ['a', 1, 1])
    assert.equal(await cluster.run(client.query('q', { atLeast: index })), 'q')
    await cluster.run(client.query('q', { atLeast: index, mode: 'linearizable' }))
    assert.deepEqual(cluster.nodesCalled('local').length, 1)
    assert.deepEqual(cluster.nodesCalled('query').length, 1)
  })

  it('continues at the next node if one lags', async () => {
    const cluster = new ScriptedCluster('n1', 'n2')
    const client = cluster.client()
    cluster.node('n1').scripts.push(fails('ERR_RAFT_LAGGING', { details: { appliedIndex: 1, wantedIndex: 2, lag: 1 } }))
    await cluster.run(client.query('q', { atLeast: 0 }))
    assert.deepEqual(cluster.nodesCalled('local'), ['n1', 'n2'])
  })

  it('does not take the answer of a node that has not waited, as one of an older version', async () => {
    const cluster = new ScriptedCluster('n1', 'n2')
    const client = cluster.client()
    await cluster.run(client.propose('a'))
    const error = await cluster.failure(client.query('q', { atLeast: 2, timeoutMs: 500 }))
    assert.equal(error.code, 'ERR_RAFT_LAGGING')
    assert.deepEqual(error.details, { ...error.details, appliedIndex: 1, wantedIndex: 2, lag: 1 })
    assert.match(error.message, /n1:1 has applied index 1, and the read wants 2: 1 more/)
  })

  it('rejects an index that is none before anything is sent', async () => {
    const cluster = new ScriptedCluster('n1')
    const error = await cluster.failure(cluster.client().query('q', { atLeast: -1 }))
    assert.equal(error.code, 'ERR_RAFT_OPTIONS')
    assert.deepEqual(cluster.calls, [])
  })
})

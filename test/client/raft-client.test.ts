import assert from 'node:assert/strict'
import type { RaftError } from '../../src/errors.ts'
import { fails, hangs, ScriptedCluster } from './scripted-cluster.ts'

describe('a client that looks for the leader', () => {
  it('gets the result from the leader if it tries the leader first', async () => {
    const cluster = new ScriptedCluster('n1', 'n2', 'n3')
    assert.equal(await cluster.run(cluster.client().propose('a')), 'a')
    assert.deepEqual(cluster.nodesCalled('propose'), ['n1'])
  })

  it('follows a hint at once, and starts the next call there', async () => {
    const cluster = new ScriptedCluster('n1', 'n2', 'n3')
    cluster.elect('n3')
    const client = cluster.client()
    await cluster.run(client.propose('a'))
    await cluster.run(client.propose('b'))
    assert.deepEqual(cluster.nodesCalled('propose'), ['n1', 'n3', 'n3'])
    assert.equal(cluster.clock.now(), 0)
  })

  it('follows leadership changes without a pause, because each hint has a new term', async () => {
    const cluster = new ScriptedCluster('n1', 'n2', 'n3')
    const client = cluster.client()
    for (const leader of ['n2', 'n3', 'n1', 'n2']) {
      cluster.elect(leader)
      await cluster.run(client.propose(leader))
    }
    assert.deepEqual(cluster.nodesCalled('propose'), ['n1', 'n2', 'n2', 'n3', 'n3', 'n1', 'n1', 'n2'])
    assert.equal(cluster.clock.now(), 0)
  })

  it('tries every node once, then pauses, while there is no leader', async () => {
    const cluster = new ScriptedCluster('n1', 'n2', 'n3')
    cluster.elect(undefined)
    cluster.at(100, () => cluster.elect('n2'))
    assert.equal(await cluster.run(cluster.client().propose('a')), 'a')
    const times = cluster.calls.filter((call) => call.includes('propose')).map((call) => Number(call.split('@')[1]))
    assert.deepEqual([...new Set(times)], [0, 20, 60, 140])
  })

  it('finds the next leader although hints point to a dead node', async () => {
    const cluster = new ScriptedCluster('n1', 'n2', 'n3')
    cluster.elect('n2')
    cluster.node('n2').isUp = false
    cluster.at(700, () => cluster.elect('n3'))
    assert.equal(await cluster.run(cluster.client().propose('a')), 'a')
    assert.deepEqual(cluster.applied, ['a'])
    assert.ok(cluster.clock.now() < 1500, `took ${cluster.clock.now()} ms`)
  })

  it('finds the leader although two nodes name each other', async () => {
    const cluster = new ScriptedCluster('n1', 'n2', 'n3')
    cluster.elect('n3')
    cluster.node('n1').always = fails('ERR_RAFT_NOT_LEADER', { leader: { id: 'n2', address: 'n2:1', term: 1 } })
    cluster.node('n2').always = fails('ERR_RAFT_NOT_LEADER', { leader: { id: 'n1', address: 'n1:1', term: 1 } })
    await cluster.run(cluster.client().propose('a'))
    assert.deepEqual(cluster.nodesCalled('propose'), ['n1', 'n2', 'n3'])
  })

  it('makes a bounded number of calls to two nodes that always name each other', async () => {
    const cluster = new ScriptedCluster('n1', 'n2')
    cluster.node('n1').always = fails('ERR_RAFT_NOT_LEADER', { leader: { id: 'n2', address: 'n2:1' } })
    cluster.node('n2').always = fails('ERR_RAFT_NOT_LEADER', { leader: { id: 'n1', address: 'n1:1' } })
    const error = await cluster.failure(cluster.client().propose('a'))
    assert.equal(error.code, 'ERR_RAFT_NO_LEADER')
    assert.ok(cluster.nodesCalled('propose').length <= 40, `${cluster.nodesCalled('propose').length} calls`)
  })

  it('tries the next node if one is down or shutting down', async () => {
    const cluster = new ScriptedCluster('n1', 'n2', 'n3')
    cluster.elect('n3')
    cluster.node('n1').isUp = false
    cluster.node('n2').always = fails('ERR_RAFT_CLOSED')
    await cluster.run(cluster.client().propose('a'))
    assert.deepEqual(cluster.nodesCalled('propose'), ['n2', 'n3'])
    assert.equal(cluster.clock.now(), 0)
  })

  it('retries an overloaded leader with exponential backoff', async () => {
    const cluster = new ScriptedCluster('n1', 'n2', 'n3')
    cluster.node('n1').scripts.push(...Array.from({ length: 4 }, () => fails('ERR_RAFT_OVERLOADED')))
    await cluster.run(cluster.client().propose('a'))
    assert.deepEqual(
      cluster.calls.filter((call) => call.includes('propose')),
      [0, 20, 60, 140, 300].map((ms) => `n1 propose @${ms}`),
    )
  })

  it('shortens a pause by a random part of up to half', async () => {
    const cluster = new ScriptedCluster('n1')
    cluster.node('n1').scripts.push(fails('ERR_RAFT_OVERLOADED'))
    await cluster.run(cluster.client({ random: () => 0.9 }).propose('a'))
    assert.deepEqual(cluster.nodesCalled('propose'), ['n1', 'n1'])
    assert.equal(Math.round(cluster.clock.now()), 11)
  })

  it('wakes all calls that wait for a leader when one of them finds it', async () => {
    const cluster = new ScriptedCluster('n1', 'n2')
    cluster.elect(undefined)
    const client = cluster.client({ backOffMinMs: 400 })
    const early = client.propose('early')
    cluster.at(100, () => cluster.elect('n1'))
    let late: Promise<string> | undefined
    cluster.at(150, () => {
      late = client.propose('late')
    })
    await cluster.run(early)
    await cluster.run(late as Promise<string>)
    assert.equal(cluster.clock.now(), 150)
  })
})

describe('a client after a failed attempt', () => {
  it('does not retry a proposal of unknown outcome', async () => {
    const cluster = new ScriptedCluster('n1', 'n2', 'n3')
    cluster.node('n1').scripts.push(fails('ERR_RAFT_OUTCOME_UNKNOWN'))
    const error = await cluster.failure(cluster.client().propose('a'))
    assert.deepEqual([error.code, error.outcome], ['ERR_RAFT_OUTCOME_UNKNOWN', 'unknown'])
    assert.deepEqual(cluster.nodesCalled('propose'), ['n1'])
  })

  it('does not retry a proposal whose error is retryable but of unknown outcome', async () => {
    const cluster = new ScriptedCluster('n1', 'n2')
    cluster.node('n1').scripts.push(fails('ERR_RAFT_OVERLOADED', { outcome: 'unknown' }))
    assert.equal((await cluster.failure(cluster.client().propose('a'))).outcome, 'unknown')
    assert.deepEqual(cluster.nodesCalled('propose'), ['n1'])
  })

  it('does not retry a proposal that a node leaves unanswered until the deadline', async () => {
    const cluster = new ScriptedCluster('n1', 'n2')
    cluster.node('n1').scripts.push(hangs())
    const client = cluster.client()
    const error = await cluster.failure(client.propose('a', { timeoutMs: 1200 }))
    assert.deepEqual([error.code, error.outcome, cluster.clock.now()], ['ERR_RAFT_OUTCOME_UNKNOWN', 'unknown', 1200])
    cluster.elect('n2')
    await cluster.run(client.propose('b'))
    assert.deepEqual(cluster.nodesCalled('propose'), ['n1', 'n2'], 'the next call starts at another node')
  })

  it('retries a proposal whose entry was overwritten', async () => {
    const cluster = new ScriptedCluster('n1', 'n2')
    cluster.node('n1').scripts.push(fails('ERR_RAFT_ENTRY_OVERWRITTEN'))
    assert.equal(await cluster.run(cluster.client().propose('a')), 'a')
  })

  for (const code of ['ERR_RAFT_TOO_LARGE', 'ERR_RAFT_NO_SPACE', 'ERR_RAFT_BAD_MESSAGE'] as const)
    it(`does not retry a proposal that fails with ${code}`, async () => {
      const cluster = new ScriptedCluster('n1', 'n2')
      cluster.node('n1').always = fails(code)
      assert.equal((await cluster.failure(cluster.client().propose('a'))).code, code)
      assert.deepEqual(cluster.nodesCalled('propose'), ['n1'])
    })

  for (const code of ['ERR_RAFT_READ_FAILED', 'ERR_RAFT_OUTCOME_UNKNOWN', 'ERR_RAFT_STORAGE'] as const)
    it(`retries a query that fails with ${code}`, async () => {
      const cluster = new ScriptedCluster('n1', 'n2')
      cluster.node('n1').scripts.push(fails(code))
      assert.equal(await cluster.run(cluster.client().query('q')), 'q')
    })

  it('retries a query at another node if one does not respond', async () => {
    const cluster = new ScriptedCluster('n1', 'n2')
    cluster.elect('n2')
    cluster.node('n1').always = hangs()
    assert.equal(await cluster.run(cluster.client().query('q')), 'q')
    assert.equal(cluster.clock.now(), 1500)
  })

  it('retries a membership change while another is in progress', async () => {
    const cluster = new ScriptedCluster('n1', 'n2')
    cluster.node('n1').scripts.push(fails('ERR_RAFT_CHANGE_IN_PROGRESS'), fails('ERR_RAFT_CHANGE_IN_PROGRESS'))
    assert.deepEqual(await cluster.run(cluster.client().changeMembership({ remove: ['n2'] })), { index: 7 })
    assert.equal(cluster.nodesCalled('change').length, 3)
  })

  it('does not retry the promotion of a learner that lags', async () => {
    const cluster = new ScriptedCluster('n1', 'n2')
    cluster.node('n1').always = fails('ERR_RAFT_LEARNER_NOT_READY', { details: { lag: 40 } })
    const error = await cluster.failure(cluster.client().changeMembership({ promote: ['n2'] }))
    assert.deepEqual([error.code, error.details.lag, cluster.clock.now()], ['ERR_RAFT_LEARNER_NOT_READY', 40, 0])
  })
})

describe('a client whose attempts all fail', () => {
  it('reports the error of each endpoint and the last known leader', async () => {
    const cluster = new ScriptedCluster('n1', 'n2', 'n3')
    const client = cluster.client()
    await cluster.run(client.propose('a'))
    cluster.elect('n3')
    cluster.node('n3').isUp = false
    cluster.node('n2').always = fails('ERR_RAFT_NO_LEADER')
    const error = await cluster.failure(client.propose('b'))
    assert.equal(error.code, 'ERR_RAFT_NO_LEADER')
    assert.equal(error.outcome, 'not-applied')
    assert.match(error.message, /last leader known: n3 at n3:1 in term 2/)
    assert.match(error.message, /n1:1 \(ERR_RAFT_NOT_LEADER/)
    assert.match(error.message, /n2:1 \(ERR_RAFT_NO_LEADER/)
    assert.match(error.message, /n3:1 \(no node is there\)/)
    assert.deepEqual(error.leader, { id: 'n3', address: 'n3:1', term: 2 })
    assert.equal(error.details['n2:1'], 'ERR_RAFT_NO_LEADER')
  })

  it('asks the leader itself while it reaches it, although the others would forward', async () => {
    const cluster = new ScriptedCluster('n1', 'n2', 'n3')
    cluster.forwards = true
    cluster.elect('n2')
    await cluster.run(cluster.client().propose('a'))
    assert.deepEqual(cluster.nodesCalled('propose'), ['n1', 'n2'])
  })

  it('lets another node forward once it does not reach the leader', async () => {
    const cluster = new ScriptedCluster('n1', 'n2', 'n3')
    cluster.forwards = true
    cluster.elect('n2')
    cluster.node('n2').isUp = false
    await cluster.run(cluster.client().propose('a'))
    assert.deepEqual([cluster.applied, cluster.nodesCalled('propose')], [['a'], ['n1', 'n3']])
  })

  it('says that the leader is unreachable if every node that was reached names it', async () => {
    const cluster = new ScriptedCluster('n1', 'n2', 'n3')
    cluster.elect('n2')
    cluster.node('n2').isUp = false
    const { code, outcome, message, hint } = await cluster.failure(cluster.client().propose('a'))
    assert.deepEqual([code, outcome], ['ERR_RAFT_UNREACHABLE', 'not-applied'])
    assert.match(message, /^n2 leads at n2:1, unreachable from here: no node is there; no leader was reached within/)
    assert.doesNotMatch(hint ?? '', /majority/)
  })

  it('reports ERR_RAFT_UNREACHABLE only if no endpoint was reachable, or only the leader was not', async () => {
    const cluster = new ScriptedCluster('n1', 'n2')
    for (const node of cluster.nodes.values()) node.isUp = false
    const error = await cluster.failure(cluster.client().propose('a'))
    assert.equal(error.code, 'ERR_RAFT_UNREACHABLE')
    assert.match(error.message, /no leader known/)
  })

  it('fails within the deadline, but not long before it', async () => {
    const cluster = new ScriptedCluster('n1', 'n2', 'n3')
    cluster.elect(undefined)
    await cluster.failure(cluster.client().propose('a', { timeoutMs: 3000 }))
    assert.ok(cluster.clock.now() <= 3000 && cluster.clock.now() >= 2000, `gave up after ${cluster.clock.now()} ms`)
  })

  it('fails after 5 s by default', async () => {
    const cluster = new ScriptedCluster('n1')
    cluster.node('n1').always = hangs()
    await cluster.failure(cluster.client().propose('a'))
    assert.equal(cluster.clock.now(), 5000)
  })

  it('keeps the code of an error that is not about leadership', async () => {
    const cluster = new ScriptedCluster('n1')
    cluster.node('n1').always = fails('ERR_RAFT_OVERLOADED')
    assert.equal((await cluster.failure(cluster.client().propose('a'))).code, 'ERR_RAFT_OVERLOADED')
  })
})

describe('a client whose leader stops answering', () => {
  it('sends new calls to the next leader after nodeSilenceMs, and leaves the sent ones open', async () => {
    const cluster = new ScriptedCluster('n1', 'n2', 'n3')
    const client = cluster.client()
    cluster.node('n1').isFrozen = true
    cluster.at(1500, () => cluster.elect('n3'))
    const sent = cluster.failure(client.propose('sent'))
    let later: Promise<string> | undefined
    cluster.at(1001, () => {
      later = client.propose('later')
    })
    assert.equal((await sent).outcome, 'unknown')
    assert.equal(cluster.clock.now(), 5000)
    assert.equal(await later, 'later')
    assert.deepEqual(cluster.applied, ['later'])
    assert.equal(cluster.nodesCalled('propose').filter((id) => id === 'n1').length, 1, 'a silent node gets no call')
  })

  it('calls the node again once it answers', async () => {
    const cluster = new ScriptedCluster('n1', 'n2')
    const client = cluster.client()
    cluster.node('n1').isFrozen = true
    void client.propose('sent').catch(() => undefined)
    let later: Promise<string> | undefined
    cluster.at(1100, () => {
      later = client.propose('later')
    })
    cluster.at(1200, () => {
      cluster.node('n1').isFrozen = false
    })
    await cluster.run(new Promise<void>((resolve) => cluster.at(4900, resolve)))
    assert.equal(await cluster.run(later as Promise<string>), 'later')
  })

  it('stays with a slow leader that answers status requests', async () => {
    const cluster = new ScriptedCluster('n1', 'n2')
    const client = cluster.client()
    cluster.node('n1').scripts.push(hangs())
    const slow = cluster.failure(client.propose('slow'))
    let next: Promise<string> | undefined
    cluster.at(1100, () => {
      next = client.propose('next')
    })
    assert.equal((await slow).outcome, 'unknown')
    await next
    assert.deepEqual(cluster.nodesCalled('propose'), ['n1', 'n1'])
  })

  it('rejects calls as not applied, and says so, if the others still name the silent node', async () => {
    const cluster = new ScriptedCluster('n1', 'n2', 'n3')
    const client = cluster.client()
    cluster.node('n1').isFrozen = true
    const sent = cluster.failure(client.propose('sent'))
    let later: Promise<RaftError> | undefined
    cluster.at(1100, () => {
      later = cluster.failure(client.propose('later', { timeoutMs: 2000 }))
    })
    await sent
    const { code, outcome, message } = (await later) as RaftError
    assert.deepEqual([code, outcome], ['ERR_RAFT_UNREACHABLE', 'not-applied'])
    assert.match(message, /^n1 leads at n1:1, unreachable from here: it answered none of the open calls for 1000 ms/)
  })
})

describe('a client call that is aborted', () => {
  it('reaches no node if it is aborted before it starts', async () => {
    const cluster = new ScriptedCluster('n1')
    const error = await cluster.failure(cluster.client().propose('a', { signal: AbortSignal.abort('why') }))
    assert.deepEqual([error.code, error.outcome, error.cause], ['ERR_RAFT_ABORTED', 'not-applied', 'why'])
    assert.deepEqual(cluster.calls, [])
  })

  it('is not applied if it is aborted during a pause', async () => {
    const cluster = new ScriptedCluster('n1')
    cluster.elect(undefined)
    const abort = new AbortController()
    cluster.at(100, () => abort.abort())
    const error = await cluster.failure(cluster.client().propose('a', { signal: abort.signal }))
    assert.deepEqual([error.code, error.outcome, cluster.clock.now()], ['ERR_RAFT_ABORTED', 'not-applied', 100])
  })

  it('has an unknown outcome if a node has received the proposal', async () => {
    const cluster = new ScriptedCluster('n1')
    cluster.node('n1').always = hangs()
    const abort = new AbortController()
    cluster.at(100, () => abort.abort())
    const error = await cluster.failure(cluster.client().propose('a', { signal: abort.signal }))
    assert.deepEqual([error.code, error.outcome, cluster.clock.now()], ['ERR_RAFT_OUTCOME_UNKNOWN', 'unknown', 100])
  })

  it('has the outcome that the node reports, if it reports one', async () => {
    const cluster = new ScriptedCluster('n1')
    cluster.node('n1').always = (_, { signal }) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => {
          fails('ERR_RAFT_ABORTED')(new Uint8Array(0), {}).catch(reject)
        })
      })
    const abort = new AbortController()
    cluster.at(100, () => abort.abort())
    const error = await cluster.failure(cluster.client().propose('a', { signal: abort.signal }))
    assert.deepEqual([error.code, error.outcome], ['ERR_RAFT_ABORTED', 'not-applied'])
  })
})

describe('a client that is closed', () => {
  it('rejects pending, waiting and new calls', async () => {
    const cluster = new ScriptedCluster('n1', 'n2')
    const client = cluster.client()
    cluster.node('n1').scripts.push(hangs())
    const pending = client.propose('a').catch((error: RaftError) => error.outcome)
    const pausing = cluster.client()
    cluster.elect(undefined)
    const paused = pausing.propose('b').catch((error: RaftError) => [error.code, error.outcome])
    cluster.at(10, () => {
      void client.close()
      void pausing.close()
    })
    assert.equal(await cluster.run(pending), 'unknown')
    assert.deepEqual(await cluster.run(paused), ['ERR_RAFT_CLOSED', 'not-applied'])
    assert.equal((await cluster.failure(client.propose('c'))).code, 'ERR_RAFT_CLOSED')
    assert.equal(client.close(), client.close())
    await client[Symbol.asyncDispose]()
  })
})

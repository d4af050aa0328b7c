import assert from 'node:assert/strict'
import type { RaftError } from '../../src/errors.ts'
import { fails, hangs, ScriptedCluster } from './scripted-cluster.ts'

describe('a client that looks for the leader', () => {
  it('gets the result from the leader if that is whom it asks first', async () => {
    const fleet = new ScriptedCluster('n1', 'n2', 'n3')
    assert.equal(await fleet.run(fleet.client().propose('a')), 'a')
    assert.deepEqual(fleet.nodesCalled('propose'), ['n1'])
  })

  it('follows a hint at once, and begins there the next time', async () => {
    const fleet = new ScriptedCluster('n1', 'n2', 'n3')
    fleet.elect('n3')
    const client = fleet.client()
    await fleet.run(client.propose('a'))
    await fleet.run(client.propose('b'))
    assert.deepEqual(fleet.nodesCalled('propose'), ['n1', 'n3', 'n3'])
    assert.equal(fleet.clock.now(), 0)
  })

  it('follows a leader that moves, without a pause, since each move is a term of its own', async () => {
    const fleet = new ScriptedCluster('n1', 'n2', 'n3')
    const client = fleet.client()
    for (const leader of ['n2', 'n3', 'n1', 'n2']) {
      fleet.elect(leader)
      await fleet.run(client.propose(leader))
    }
    assert.deepEqual(fleet.nodesCalled('propose'), ['n1', 'n2', 'n2', 'n3', 'n3', 'n1', 'n1', 'n2'])
    assert.equal(fleet.clock.now(), 0)
  })

  it('asks everybody once, then pauses, while there is no leader', async () => {
    const fleet = new ScriptedCluster('n1', 'n2', 'n3')
    fleet.elect(undefined)
    fleet.at(100, () => fleet.elect('n2'))
    assert.equal(await fleet.run(fleet.client().propose('a')), 'a')
    const times = fleet.calls.filter((call) => call.includes('propose')).map((call) => Number(call.split('@')[1]))
    assert.deepEqual([...new Set(times)], [0, 20, 60, 140])
  })

  it('gets past a hint to a dead node, and finds the successor', async () => {
    const fleet = new ScriptedCluster('n1', 'n2', 'n3')
    fleet.elect('n2')
    fleet.node('n2').isUp = false
    fleet.at(700, () => fleet.elect('n3'))
    assert.equal(await fleet.run(fleet.client().propose('a')), 'a')
    assert.deepEqual(fleet.applied, ['a'])
    assert.ok(fleet.clock.now() < 1500, `took ${fleet.clock.now()} ms`)
  })

  it('leaves two nodes that point at each other, and finds the third', async () => {
    const fleet = new ScriptedCluster('n1', 'n2', 'n3')
    fleet.elect('n3')
    fleet.node('n1').always = fails('ERR_RAFT_NOT_LEADER', { leader: { id: 'n2', address: 'n2:1', term: 1 } })
    fleet.node('n2').always = fails('ERR_RAFT_NOT_LEADER', { leader: { id: 'n1', address: 'n1:1', term: 1 } })
    await fleet.run(fleet.client().propose('a'))
    assert.deepEqual(fleet.nodesCalled('propose'), ['n1', 'n2', 'n3'])
  })

  it('is not sent to and fro: two that point at each other for ever get a bounded number of calls', async () => {
    const fleet = new ScriptedCluster('n1', 'n2')
    fleet.node('n1').always = fails('ERR_RAFT_NOT_LEADER', { leader: { id: 'n2', address: 'n2:1' } })
    fleet.node('n2').always = fails('ERR_RAFT_NOT_LEADER', { leader: { id: 'n1', address: 'n1:1' } })
    const error = await fleet.failure(fleet.client().propose('a'))
    assert.equal(error.code, 'ERR_RAFT_NO_LEADER')
    assert.ok(fleet.nodesCalled('propose').length <= 40, `${fleet.nodesCalled('propose').length} calls`)
  })

  it('goes to the next node when one is down or shutting down', async () => {
    const fleet = new ScriptedCluster('n1', 'n2', 'n3')
    fleet.elect('n3')
    fleet.node('n1').isUp = false
    fleet.node('n2').always = fails('ERR_RAFT_CLOSED')
    await fleet.run(fleet.client().propose('a'))
    assert.deepEqual(fleet.nodesCalled('propose'), ['n2', 'n3'])
    assert.equal(fleet.clock.now(), 0)
  })

  it('stays with an overloaded leader, and asks it less and less', async () => {
    const fleet = new ScriptedCluster('n1', 'n2', 'n3')
    fleet.node('n1').scripts.push(...Array.from({ length: 4 }, () => fails('ERR_RAFT_OVERLOADED')))
    await fleet.run(fleet.client().propose('a'))
    assert.deepEqual(
      fleet.calls.filter((call) => call.includes('propose')),
      [0, 20, 60, 140, 300].map((ms) => `n1 propose @${ms}`),
    )
  })

  it('takes up to half off a pause by chance', async () => {
    const fleet = new ScriptedCluster('n1')
    fleet.node('n1').scripts.push(fails('ERR_RAFT_OVERLOADED'))
    await fleet.run(fleet.client({ random: () => 0.9 }).propose('a'))
    assert.deepEqual(fleet.nodesCalled('propose'), ['n1', 'n1'])
    assert.equal(Math.round(fleet.clock.now()), 11)
  })

  it('ends the pause of all that seek a leader when one of them finds it', async () => {
    const fleet = new ScriptedCluster('n1', 'n2')
    fleet.elect(undefined)
    const client = fleet.client({ backOffMinMs: 400 })
    const early = client.propose('early')
    fleet.at(100, () => fleet.elect('n1'))
    let late: Promise<string> | undefined
    fleet.at(150, () => {
      late = client.propose('late')
    })
    await fleet.run(early)
    await fleet.run(late as Promise<string>)
    assert.equal(fleet.clock.now(), 150)
  })
})

describe('what a client repeats', () => {
  it('is no proposal of unknown outcome, even one that was not applied', async () => {
    const fleet = new ScriptedCluster('n1', 'n2', 'n3')
    fleet.node('n1').scripts.push(fails('ERR_RAFT_OUTCOME_UNKNOWN'))
    const error = await fleet.failure(fleet.client().propose('a'))
    assert.deepEqual([error.code, error.outcome], ['ERR_RAFT_OUTCOME_UNKNOWN', 'unknown'])
    assert.deepEqual(fleet.nodesCalled('propose'), ['n1'])
  })

  it('is no proposal that says retryable but not what became of it', async () => {
    const fleet = new ScriptedCluster('n1', 'n2')
    fleet.node('n1').scripts.push(fails('ERR_RAFT_OVERLOADED', { outcome: 'unknown' }))
    assert.equal((await fleet.failure(fleet.client().propose('a'))).outcome, 'unknown')
    assert.deepEqual(fleet.nodesCalled('propose'), ['n1'])
  })

  it('is no proposal that a node keeps without a word until the deadline', async () => {
    const fleet = new ScriptedCluster('n1', 'n2')
    fleet.node('n1').scripts.push(hangs())
    const client = fleet.client()
    const error = await fleet.failure(client.propose('a', { timeoutMs: 1200 }))
    assert.deepEqual([error.code, error.outcome, fleet.clock.now()], ['ERR_RAFT_OUTCOME_UNKNOWN', 'unknown', 1200])
    fleet.elect('n2')
    await fleet.run(client.propose('b'))
    assert.deepEqual(fleet.nodesCalled('propose'), ['n1', 'n2'], 'the next call begins elsewhere')
  })

  it('is a proposal that was surely overwritten', async () => {
    const fleet = new ScriptedCluster('n1', 'n2')
    fleet.node('n1').scripts.push(fails('ERR_RAFT_ENTRY_OVERWRITTEN'))
    assert.equal(await fleet.run(fleet.client().propose('a')), 'a')
  })

  for (const code of ['ERR_RAFT_TOO_LARGE', 'ERR_RAFT_NO_SPACE', 'ERR_RAFT_BAD_MESSAGE'] as const)
    it(`is nothing that fails with ${code}`, async () => {
      const fleet = new ScriptedCluster('n1', 'n2')
      fleet.node('n1').always = fails(code)
      assert.equal((await fleet.failure(fleet.client().propose('a'))).code, code)
      assert.deepEqual(fleet.nodesCalled('propose'), ['n1'])
    })

  for (const code of ['ERR_RAFT_READ_FAILED', 'ERR_RAFT_OUTCOME_UNKNOWN', 'ERR_RAFT_STORAGE'] as const)
    it(`is a query that fails with ${code}`, async () => {
      const fleet = new ScriptedCluster('n1', 'n2')
      fleet.node('n1').scripts.push(fails(code))
      assert.equal(await fleet.run(fleet.client().query('q')), 'q')
    })

  it('is a query that one node leaves unanswered, at another node', async () => {
    const fleet = new ScriptedCluster('n1', 'n2')
    fleet.elect('n2')
    fleet.node('n1').always = hangs()
    assert.equal(await fleet.run(fleet.client().query('q')), 'q')
    assert.equal(fleet.clock.now(), 1500)
  })

  it('is a change of membership while another is in progress', async () => {
    const fleet = new ScriptedCluster('n1', 'n2')
    fleet.node('n1').scripts.push(fails('ERR_RAFT_CHANGE_IN_PROGRESS'), fails('ERR_RAFT_CHANGE_IN_PROGRESS'))
    assert.deepEqual(await fleet.run(fleet.client().changeMembership({ remove: ['n2'] })), { index: 7 })
    assert.equal(fleet.nodesCalled('change').length, 3)
  })

  it('is no promotion of a learner that lags', async () => {
    const fleet = new ScriptedCluster('n1', 'n2')
    fleet.node('n1').always = fails('ERR_RAFT_LEARNER_NOT_READY', { details: { lag: 40 } })
    const error = await fleet.failure(fleet.client().changeMembership({ promote: ['n2'] }))
    assert.deepEqual([error.code, error.details.lag, fleet.clock.now()], ['ERR_RAFT_LEARNER_NOT_READY', 40, 0])
  })
})

describe('a client that gives up', () => {
  it('says what each endpoint answered and who led last', async () => {
    const fleet = new ScriptedCluster('n1', 'n2', 'n3')
    const client = fleet.client()
    await fleet.run(client.propose('a'))
    fleet.elect('n3')
    fleet.node('n3').isUp = false
    fleet.node('n2').always = fails('ERR_RAFT_NO_LEADER')
    const error = await fleet.failure(client.propose('b'))
    assert.equal(error.code, 'ERR_RAFT_NO_LEADER')
    assert.equal(error.outcome, 'not-applied')
    assert.match(error.message, /last leader known: n3 at n3:1 in term 2/)
    assert.match(error.message, /n1:1 \(ERR_RAFT_NOT_LEADER/)
    assert.match(error.message, /n2:1 \(ERR_RAFT_NO_LEADER/)
    assert.match(error.message, /n3:1 \(no node is there\)/)
    assert.deepEqual(error.leader, { id: 'n3', address: 'n3:1', term: 2 })
    assert.equal(error.details['n2:1'], 'ERR_RAFT_NO_LEADER')
  })

  it('says that no endpoint was reached only if none was', async () => {
    const fleet = new ScriptedCluster('n1', 'n2')
    for (const node of fleet.nodes.values()) node.isUp = false
    const error = await fleet.failure(fleet.client().propose('a'))
    assert.equal(error.code, 'ERR_RAFT_UNREACHABLE')
    assert.match(error.message, /no leader was ever heard of/)
  })

  it('does so within the deadline, and not long before it', async () => {
    const fleet = new ScriptedCluster('n1', 'n2', 'n3')
    fleet.elect(undefined)
    await fleet.failure(fleet.client().propose('a', { timeoutMs: 3000 }))
    assert.ok(fleet.clock.now() <= 3000 && fleet.clock.now() >= 2000, `gave up after ${fleet.clock.now()} ms`)
  })

  it('does so after 5 s unless told otherwise', async () => {
    const fleet = new ScriptedCluster('n1')
    fleet.node('n1').always = hangs()
    await fleet.failure(fleet.client().propose('a'))
    assert.equal(fleet.clock.now(), 5000)
  })

  it('keeps the reason if it was not about leaders', async () => {
    const fleet = new ScriptedCluster('n1')
    fleet.node('n1').always = fails('ERR_RAFT_OVERLOADED')
    assert.equal((await fleet.failure(fleet.client().propose('a'))).code, 'ERR_RAFT_OVERLOADED')
  })
})

describe('aborting a call', () => {
  it('before it begins reaches nobody', async () => {
    const fleet = new ScriptedCluster('n1')
    const error = await fleet.failure(fleet.client().propose('a', { signal: AbortSignal.abort('why') }))
    assert.deepEqual([error.code, error.outcome, error.cause], ['ERR_RAFT_ABORTED', 'not-applied', 'why'])
    assert.deepEqual(fleet.calls, [])
  })

  it('during a pause is surely not applied', async () => {
    const fleet = new ScriptedCluster('n1')
    fleet.elect(undefined)
    const abort = new AbortController()
    fleet.at(100, () => abort.abort())
    const error = await fleet.failure(fleet.client().propose('a', { signal: abort.signal }))
    assert.deepEqual([error.code, error.outcome, fleet.clock.now()], ['ERR_RAFT_ABORTED', 'not-applied', 100])
  })

  it('while a node has the proposal is of unknown outcome', async () => {
    const fleet = new ScriptedCluster('n1')
    fleet.node('n1').always = hangs()
    const abort = new AbortController()
    fleet.at(100, () => abort.abort())
    const error = await fleet.failure(fleet.client().propose('a', { signal: abort.signal }))
    assert.deepEqual([error.code, error.outcome, fleet.clock.now()], ['ERR_RAFT_OUTCOME_UNKNOWN', 'unknown', 100])
  })

  it('leaves it to the node to know better', async () => {
    const fleet = new ScriptedCluster('n1')
    fleet.node('n1').always = (_, { signal }) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => {
          fails('ERR_RAFT_ABORTED')(new Uint8Array(0), {}).catch(reject)
        })
      })
    const abort = new AbortController()
    fleet.at(100, () => abort.abort())
    const error = await fleet.failure(fleet.client().propose('a', { signal: abort.signal }))
    assert.deepEqual([error.code, error.outcome], ['ERR_RAFT_ABORTED', 'not-applied'])
  })
})

describe('closing a client', () => {
  it('ends what pauses and what is under way, and takes no more', async () => {
    const fleet = new ScriptedCluster('n1', 'n2')
    const client = fleet.client()
    fleet.node('n1').scripts.push(hangs())
    const underWay = client.propose('a').catch((error: RaftError) => error.outcome)
    const pausing = fleet.client()
    fleet.elect(undefined)
    const paused = pausing.propose('b').catch((error: RaftError) => [error.code, error.outcome])
    fleet.at(10, () => {
      void client.close()
      void pausing.close()
    })
    assert.equal(await fleet.run(underWay), 'unknown')
    assert.deepEqual(await fleet.run(paused), ['ERR_RAFT_CLOSED', 'not-applied'])
    assert.equal((await fleet.failure(client.propose('c'))).code, 'ERR_RAFT_CLOSED')
    assert.equal(client.close(), client.close())
    await client[Symbol.asyncDispose]()
  })
})

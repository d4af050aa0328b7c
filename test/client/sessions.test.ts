import assert from 'node:assert/strict'
import type { Applied, ProposeOptions } from '../../src/contracts/node-service.ts'
import { RaftError } from '../../src/errors.ts'
import type { ScriptedNode } from './scripted-cluster.ts'
import { fails, hangs, ScriptedCluster } from './scripted-cluster.ts'

describe('a client with sessions', () => {
  let cluster: ScriptedCluster

  beforeEach(() => {
    cluster = new ScriptedCluster('n1', 'n2', 'n3')
  })

  /** The node applies the command, and then this happens. */
  function appliesAnd(node: ScriptedNode, then: () => Promise<Applied>) {
    return async (command: Uint8Array, { session }: ProposeOptions): Promise<Applied> => {
      node.apply(command, session)
      return then()
    }
  }

  const losesAnswer = (node: ScriptedNode) =>
    appliesAnd(node, () => fails('ERR_RAFT_OUTCOME_UNKNOWN')(new Uint8Array(), {}))

  it('registers one session for all commands', async () => {
    const client = cluster.client({ sessions: true })
    await cluster.run(Promise.all([client.propose('a'), client.propose('b')]))
    await cluster.run(client.propose('c'))
    assert.deepEqual([cluster.sessions, cluster.applied], [1, ['a', 'b', 'c']])
    assert.deepEqual([...cluster.sessionResults.keys()], ['1/1', '1/2', '1/3'])
  })

  it('registers another one if too many commands wait for an answer', async () => {
    const client = cluster.client({ sessions: true })
    const calls = Array.from({ length: 1025 }, (_, call) => client.propose(`${call}`))
    await cluster.run(Promise.all(calls))
    assert.equal(cluster.sessions, 2)
    await cluster.run(client.propose('later'))
    assert.equal(cluster.sessions, 2)
  })

  it('sends a command again whose fate is unknown, and it is applied once', async () => {
    const client = cluster.client({ sessions: true })
    await cluster.run(client.propose('a'))
    cluster.node('n1').scripts.push(losesAnswer(cluster.node('n1')))
    assert.equal(await cluster.run(client.propose('b')), 'b')
    assert.deepEqual(cluster.applied, ['a', 'b'])
    assert.deepEqual(cluster.nodesCalled('propose'), ['n1', 'n1', 'n2', 'n1'])
  })

  it('leaves a leader that falls silent after nodeSilenceMs', async () => {
    const client = cluster.client({ sessions: true })
    await cluster.run(client.propose('a'))
    cluster.node('n1').isFrozen = true
    cluster.at(500, () => cluster.elect('n2'))
    const calls = Array.from({ length: 64 }, (_, call) => client.propose(`b${call}`))
    await cluster.run(Promise.all(calls))
    assert.equal(cluster.applied.length, 65)
    assert.ok(cluster.clock.now() < 1100, `took ${cluster.clock.now()} ms`)
  })

  it('leaves a leader that answers everything but the command after attemptTimeoutMs', async () => {
    const client = cluster.client({ sessions: true })
    await cluster.run(client.propose('a'))
    cluster.node('n1').scripts.push(appliesAnd(cluster.node('n1'), hangs() as () => Promise<Applied>))
    cluster.at(500, () => cluster.elect('n2'))
    const answering = setInterval(() => undefined, 1000)
    const pending = client.propose('b')
    for (let ms = 200; ms < 2000; ms += 200) cluster.at(ms, () => void client.query('q').catch(() => undefined))
    assert.equal(await cluster.run(pending), 'b')
    clearInterval(answering)
    assert.deepEqual(cluster.applied, ['a', 'b'])
    const at = cluster.clock.now()
    assert.ok(at >= 1500 && at < 1600, `took ${at} ms`)
  })

  it('takes the answer of an attempt that it has left', async () => {
    const client = cluster.client({ sessions: true })
    await cluster.run(client.propose('a'))
    const n1 = cluster.node('n1')
    n1.scripts.push(async (command, { session }) => {
      await new Promise<void>((resolve) => cluster.at(2000, resolve))
      return n1.apply(command, session)
    })
    cluster.elect(undefined)
    assert.equal(await cluster.run(client.propose('b')), 'b')
    assert.equal(Math.round(cluster.clock.now()), 2000)
  })

  it('reports an unknown outcome only once the time is over', async () => {
    const client = cluster.client({ sessions: true })
    await cluster.run(client.propose('a'))
    cluster.node('n1').scripts.push(losesAnswer(cluster.node('n1')))
    cluster.elect(undefined)
    const { code, outcome } = await cluster.failure(client.propose('b', { timeoutMs: 3000 }))
    assert.deepEqual([code, outcome], ['ERR_RAFT_OUTCOME_UNKNOWN', 'unknown'])
    assert.ok(cluster.clock.now() >= 2500)
  })

  it('reports what was never applied as not applied', async () => {
    const client = cluster.client({ sessions: true })
    await cluster.run(client.propose('a'))
    cluster.elect(undefined)
    const { code, outcome } = await cluster.failure(client.propose('b'))
    assert.deepEqual([code, outcome], ['ERR_RAFT_NO_LEADER', 'not-applied'])
  })

  it('reports a rejection after an attempt of unknown fate as unknown', async () => {
    const client = cluster.client({ sessions: true })
    await cluster.run(client.propose('a'))
    cluster.node('n1').scripts.push(losesAnswer(cluster.node('n1')))
    for (const id of ['n2', 'n3']) cluster.node(id).scripts.push(fails('ERR_RAFT_NO_SPACE'))
    const { code, outcome, message } = await cluster.failure(client.propose('b'))
    assert.deepEqual([code, outcome], ['ERR_RAFT_OUTCOME_UNKNOWN', 'unknown'], message)
  })

  it('replaces a session that has expired before the first attempt', async () => {
    const client = cluster.client({ sessions: true })
    await cluster.run(client.propose('a'))
    cluster.firstSession = 2
    assert.deepEqual(await cluster.run(Promise.all([client.propose('b'), client.propose('c')])), ['b', 'c'])
    assert.equal(cluster.sessions, 2)
    assert.deepEqual(cluster.applied, ['a', 'b', 'c'])
  })

  it('reports a session that expired between two attempts, and repeats nothing', async () => {
    const client = cluster.client({ sessions: true })
    await cluster.run(client.propose('a'))
    cluster.node('n1').scripts.push(losesAnswer(cluster.node('n1')))
    cluster.node('n2').scripts.push(async () => {
      cluster.firstSession = 2
      throw new RaftError('ERR_RAFT_NO_LEADER', 'an hour passes')
    })
    const { code, outcome } = await cluster.failure(client.propose('b'))
    assert.deepEqual([code, outcome], ['ERR_RAFT_SESSION_EXPIRED', 'unknown'])
    assert.deepEqual(cluster.applied, ['a', 'b'])
    assert.equal(await cluster.run(client.propose('c')), 'c')
  })

  it('proposes nothing if it cannot register', async () => {
    cluster.elect(undefined)
    const { code, outcome } = await cluster.failure(cluster.client({ sessions: true }).propose('a', { timeoutMs: 500 }))
    assert.deepEqual([code, outcome, cluster.nodesCalled('propose')], ['ERR_RAFT_NO_LEADER', 'not-applied', []])
  })

  it('keeps the deadline of a call that waits for the registration of another', async () => {
    cluster.elect(undefined)
    const client = cluster.client({ sessions: true })
    const long = client.propose('a')
    const { outcome } = await cluster.failure(client.propose('b', { timeoutMs: 100 }))
    assert.equal(outcome, 'not-applied')
    assert.ok(cluster.clock.now() <= 100)
    cluster.elect('n1')
    assert.equal(await cluster.run(long), 'a')
  })

  it('gives a call its whole time, also if it waits for the registration of a call with less', async () => {
    cluster.elect(undefined)
    const client = cluster.client({ sessions: true })
    const short = client.propose('a', { timeoutMs: 100 })
    const long = client.propose('b', { timeoutMs: 10_000 })
    assert.equal((await cluster.failure(short)).code, 'ERR_RAFT_NO_LEADER')
    cluster.at(5000, () => cluster.elect('n1'))
    assert.equal(await cluster.run(long), 'b')
    assert.deepEqual([cluster.sessions, cluster.applied], [1, ['b']])
  })

  it('rejects all calls that wait for a registration when their time is over, or when no time would help', async () => {
    cluster.elect(undefined)
    const client = cluster.client({ sessions: true })
    const calls = Array.from({ length: 64 }, (_, call) => client.propose(`${call}`, { timeoutMs: 1000 }))
    const codes = await Promise.all(calls.map(async (call) => (await cluster.failure(call)).code))
    assert.deepEqual([...new Set(codes)], ['ERR_RAFT_NO_LEADER'])
    assert.ok(cluster.clock.now() <= 1000)
    cluster.refusesSessions = true
    const refused = Promise.all(['a', 'b', 'c'].map((command) => cluster.failure(client.propose(command))))
    assert.deepEqual(
      (await cluster.run(refused)).map(({ code }) => code),
      ['ERR_RAFT_UNAUTHORIZED', 'ERR_RAFT_UNAUTHORIZED', 'ERR_RAFT_UNAUTHORIZED'],
    )
    assert.equal(cluster.refusals, 1)
  })

  it('sends an idempotent command without a session, again if its fate is unknown', async () => {
    const client = cluster.client({ sessions: true })
    cluster.node('n1').scripts.push(losesAnswer(cluster.node('n1')))
    assert.equal(await cluster.run(client.propose('a', { idempotent: true })), 'a')
    assert.deepEqual([cluster.sessions, cluster.applied], [0, ['a', 'a']])
  })

  it('reports an unknown outcome at once without sessions', async () => {
    cluster.node('n1').scripts.push(losesAnswer(cluster.node('n1')))
    const { code } = await cluster.failure(cluster.client().propose('a'))
    assert.deepEqual([code, cluster.applied], ['ERR_RAFT_OUTCOME_UNKNOWN', ['a']])
  })
})

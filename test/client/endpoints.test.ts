import assert from 'node:assert/strict'
import { CLIENT_DEFAULTS } from '../../src/client/options.ts'
import { RaftClient } from '../../src/client/raft-client.ts'
import type { RaftError } from '../../src/errors.ts'
import { hangs, ScriptedCluster } from './scripted-cluster.ts'

describe('a client that selects an endpoint', () => {
  it('does not call an address that only a hint contains', async () => {
    const cluster = new ScriptedCluster('n1', 'n2', 'outsider')
    cluster.node('n1').members = ['n1', 'n2']
    cluster.node('n2').members = ['n1', 'n2']
    cluster.elect('outsider')
    const error = await cluster.failure(cluster.client({ endpoints: ['n1:1', 'n2:1'] }).propose('a'))
    assert.equal(error.code, 'ERR_RAFT_UNREACHABLE')
    assert.match(error.message, /^outsider leads at outsider:1, unreachable from here: it is neither an endpoint/)
    assert.deepEqual(
      cluster.calls.filter((call) => call.startsWith('outsider')),
      [],
    )
  })

  it('calls a hinted member that a configured endpoint lists', async () => {
    const cluster = new ScriptedCluster('n1', 'n2', 'n3')
    cluster.elect('n3')
    const client = cluster.client({ endpoints: ['n1:1'] })
    assert.equal(await cluster.run(client.propose('a')), 'a')
    assert.deepEqual(cluster.nodesCalled('propose'), ['n1', 'n3'])
    assert.deepEqual(client.endpoints, ['n1:1', 'n2:1', 'n3:1'])
  })

  it('calls the members that it has learned while its only configured endpoint is down', async () => {
    const cluster = new ScriptedCluster('n1', 'n2', 'n3')
    const client = cluster.client({ endpoints: ['n1:1'] })
    await cluster.run(client.propose('a'))
    cluster.node('n1').isUp = false
    cluster.elect('n3')
    assert.equal(await cluster.run(client.propose('b')), 'b')
  })

  it('forgets a member that the newest membership does not contain', async () => {
    const cluster = new ScriptedCluster('n1', 'n2', 'n3')
    const client = cluster.client({ endpoints: ['n1:1'] })
    await cluster.run(client.status())
    assert.deepEqual(client.endpoints, ['n1:1', 'n2:1', 'n3:1'])
    cluster.node('n1').members = ['n1', 'n2']
    cluster.node('n1').membershipIndex = 5
    await cluster.run(client.status())
    assert.deepEqual(client.endpoints, ['n1:1', 'n2:1'])
  })

  it('limits the number of learned members', async () => {
    const cluster = new ScriptedCluster('n1')
    cluster.node('n1').members = Array.from({ length: 500 }, (_, offset) => `m${offset}`)
    const client = cluster.client()
    await cluster.run(client.propose('a'))
    await cluster.run(client.query('a'))
    assert.equal(client.endpoints.length, 1 + CLIENT_DEFAULTS.learnedEndpointsMax)
  })

  it('prefers the configured endpoint at which a member has answered over the address in the membership', async () => {
    const cluster = new ScriptedCluster('n1', 'n2')
    cluster.nodes.set('outside:7002', cluster.node('n2'))
    cluster.nodes.delete('n2:1')
    const client = cluster.client({ endpoints: ['n1:1', 'outside:7002'] })
    await cluster.run(client.status())
    cluster.elect('n2')
    assert.equal(await cluster.run(client.propose('a')), 'a')
    assert.deepEqual(cluster.nodesCalled('propose'), ['n1', 'n2'])
    assert.equal(cluster.clock.now() < 20, true)
  })

  it('calls a leader at the address at which a configured endpoint finds it', async () => {
    const cluster = new ScriptedCluster('n1', 'n2')
    cluster.nodes.set('n2:7', cluster.node('n2'))
    cluster.nodes.delete('n2:1')
    cluster.node('n1').moved = [{ id: 'n2', address: 'n2:7' }]
    cluster.elect('n2')
    const client = cluster.client({ endpoints: ['n1:1'] })
    assert.equal(await cluster.run(client.propose('a')), 'a')
    assert.deepEqual(cluster.nodesCalled('propose'), ['n1', 'n2'])
    assert.equal(cluster.clock.now() < 20, true)
  })

  it('follows a hint to a configured endpoint at which another node has answered before', async () => {
    const cluster = new ScriptedCluster('n1', 'n2')
    const client = cluster.client({ endpoints: ['n1:1', 'n2:1'] })
    await cluster.run(client.status())
    const [n1, n2] = [cluster.node('n1'), cluster.node('n2')]
    cluster.nodes.set('n1:1', n2).set('n2:1', n1)
    n2.moved = [{ id: 'n1', address: 'n2:1' }]
    cluster.elect('n1')
    assert.equal(await cluster.run(client.propose('a')), 'a')
    assert.deepEqual(cluster.nodesCalled('propose'), ['n2', 'n1'])
  })

  it('calls only the node that a query names', async () => {
    const cluster = new ScriptedCluster('n1', 'n2')
    const client = cluster.client()
    assert.equal(await cluster.run(client.query('q', { mode: 'local', endpoint: 'n2:1' })), 'q')
    assert.deepEqual(cluster.nodesCalled('local'), ['n2'])
    const error = await cluster.failure(client.query('q', { endpoint: 'n2:1' }))
    assert.equal(error.code, 'ERR_RAFT_NOT_LEADER')
  })

  it('still prefers the leader after a local read at another node', async () => {
    const cluster = new ScriptedCluster('n1', 'n2')
    const client = cluster.client()
    await cluster.run(client.propose('a'))
    await cluster.run(client.query('q', { mode: 'local', endpoint: 'n2:1' }))
    await cluster.run(client.propose('b'))
    assert.deepEqual(cluster.nodesCalled('propose'), ['n1', 'n1'])
  })
})

describe('the status of a cluster, requested by a client', () => {
  it('contains the status or the error of each endpoint and each learned member', async () => {
    const cluster = new ScriptedCluster('n1', 'n2', 'n3')
    cluster.node('n3').isUp = false
    const statuses = await cluster.run(cluster.client({ endpoints: ['n1:1', 'n9:1'] }).status())
    const facts = statuses.map((entry) => [entry.address, 'status' in entry ? entry.status.role : entry.error.code])
    assert.deepEqual(facts, [
      ['n1:1', 'leader'],
      ['n9:1', 'ERR_RAFT_UNREACHABLE'],
      ['n2:1', 'follower'],
      ['n3:1', 'ERR_RAFT_UNREACHABLE'],
    ])
  })

  it('contains a node once although its endpoint differs from its address in the membership', async () => {
    const cluster = new ScriptedCluster('n1', 'n2')
    cluster.nodes.set('outside:7001', cluster.node('n1'))
    await cluster.run(cluster.client({ endpoints: ['outside:7001'] }).status())
    assert.deepEqual(cluster.nodesCalled('status').sort(), ['n1', 'n2'])
  })
})

describe('an admin call of a client', () => {
  it('goes to the leader', async () => {
    const cluster = new ScriptedCluster('n1', 'n2')
    cluster.elect('n2')
    const client = cluster.client()
    assert.deepEqual(await cluster.run(client.changeMembership({ promote: ['n3'] })), { index: 7 })
    assert.deepEqual(await cluster.run(client.transferLeadership({ to: 'n1' })), { leader: 'n1' })
    assert.equal((await cluster.run(client.takeSnapshot({ endpoint: 'n1:1' }))).id, 'of-n1')
    assert.deepEqual(client.leader, { id: 'n2', address: 'n2:1', term: 2 })
  })
})

describe('a client with codecs', () => {
  const failingCodec = {
    encode: () => new Uint8Array(1),
    decode: () => {
      throw new Error('what is this')
    },
  }

  it('reports the command as applied if its result cannot be decoded', async () => {
    const cluster = new ScriptedCluster('n1')
    const error = await cluster.failure(cluster.client({ resultCodec: failingCodec }).propose('a'))
    assert.deepEqual([error.code, error.outcome], ['ERR_RAFT_BAD_MESSAGE', 'applied'])
    assert.match(error.message, /applied at index 1, but its result could not be decoded: what is this/)
  })

  it('passes bytes through unchanged by proposeBytes and queryBytes', async () => {
    const cluster = new ScriptedCluster('n1')
    const client = cluster.client()
    const { index, term, result } = await cluster.run(client.proposeBytes(Buffer.from('"x"')))
    assert.deepEqual([index, term, Buffer.from(result).toString()], [1, 1, '"x"'])
    assert.equal((await cluster.run(client.queryBytes(Buffer.from('"y"')))).appliedIndex, 1)
  })
})

describe('a client with invalid options', () => {
  it('is rejected with all problems at once', () => {
    const options = { endpoints: [], channel: 'grpc', timeoutMs: -1, codec: {}, endpoint: 'a:1' }
    assert.throws(
      () => new RaftClient(options as unknown as ConstructorParameters<typeof RaftClient>[0]),
      (error: RaftError) => {
        assert.equal(error.code, 'ERR_RAFT_OPTIONS')
        for (const name of ['endpoints', 'channel', 'timeoutMs', 'codec', 'endpoint is not an option'])
          assert.ok(error.message.includes(name), `${name} is missing in: ${error.message}`)
        return true
      },
    )
  })
})

describe('a client call with invalid arguments', () => {
  for (const timeoutMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
    it(`is rejected for a timeout of ${timeoutMs} ms`, async () => {
      const cluster = new ScriptedCluster('n1')
      assert.equal((await cluster.failure(cluster.client().propose('a', { timeoutMs }))).code, 'ERR_RAFT_OPTIONS')
      assert.deepEqual(cluster.calls, [])
    })

  it('is rejected for a string in place of bytes', async () => {
    const client = new ScriptedCluster('n1').client()
    await assert.rejects(client.proposeBytes('YWJj' as unknown as Uint8Array), { code: 'ERR_RAFT_OPTIONS' })
    await assert.rejects(client.queryBytes('YWJj' as unknown as Uint8Array), { code: 'ERR_RAFT_OPTIONS' })
  })
})

describe('a client of a node in the same process', () => {
  it('ends a call at its timeout although the node does not respond', async () => {
    const cluster = new ScriptedCluster('n1')
    cluster.node('n1').always = hangs()
    const options = { timeoutMs: 300 }
    const client = cluster.client()
    assert.equal((await cluster.failure(client.query('q', options))).code, 'ERR_RAFT_TIMEOUT')
    const change = await cluster.failure(client.changeMembership({ remove: ['n2'] }, options))
    assert.deepEqual([change.code, change.outcome], ['ERR_RAFT_OUTCOME_UNKNOWN', 'unknown'])
  })

  it('reports an error that is not a RaftError as ERR_RAFT_INTERNAL', async () => {
    const cluster = new ScriptedCluster('n1', 'n2')
    cluster.node('n1').always = async () => {
      throw new TypeError('a bug')
    }
    const error = await cluster.failure(cluster.client().propose('a'))
    assert.deepEqual([error.code, error.outcome], ['ERR_RAFT_INTERNAL', 'unknown'])
    assert.equal((await cluster.failure(cluster.client().query('a'))).outcome, 'not-applied')
  })
})

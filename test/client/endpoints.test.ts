import assert from 'node:assert/strict'
import { CLIENT_DEFAULTS } from '../../src/client/options.ts'
import { RaftClient } from '../../src/client/raft-client.ts'
import type { RaftError } from '../../src/errors.ts'
import { hangs, ScriptedCluster } from './scripted-cluster.ts'

describe('whom a client asks', () => {
  it('never is an address that only a hint names', async () => {
    const fleet = new ScriptedCluster('n1', 'n2', 'stranger')
    fleet.node('n1').members = ['n1', 'n2']
    fleet.node('n2').members = ['n1', 'n2']
    fleet.elect('stranger')
    const error = await fleet.failure(fleet.client({ endpoints: ['n1:1', 'n2:1'] }).propose('a'))
    assert.equal(error.code, 'ERR_RAFT_NO_LEADER')
    assert.deepEqual(
      fleet.calls.filter((call) => call.startsWith('stranger')),
      [],
    )
  })

  it('is a member that a given endpoint shows, once a hint names it', async () => {
    const fleet = new ScriptedCluster('n1', 'n2', 'n3')
    fleet.elect('n3')
    const client = fleet.client({ endpoints: ['n1:1'] })
    assert.equal(await fleet.run(client.propose('a')), 'a')
    assert.deepEqual(fleet.nodesCalled('propose'), ['n1', 'n3'])
    assert.deepEqual(client.endpoints, ['n1:1', 'n2:1', 'n3:1'])
  })

  it('is every member, learned in good times, when the only endpoint given is down', async () => {
    const fleet = new ScriptedCluster('n1', 'n2', 'n3')
    const client = fleet.client({ endpoints: ['n1:1'] })
    await fleet.run(client.propose('a'))
    fleet.node('n1').isUp = false
    fleet.elect('n3')
    assert.equal(await fleet.run(client.propose('b')), 'b')
  })

  it('is no member any more that the newest membership does not name', async () => {
    const fleet = new ScriptedCluster('n1', 'n2', 'n3')
    const client = fleet.client({ endpoints: ['n1:1'] })
    await fleet.run(client.status())
    assert.deepEqual(client.endpoints, ['n1:1', 'n2:1', 'n3:1'])
    fleet.node('n1').members = ['n1', 'n2']
    fleet.node('n1').membershipIndex = 5
    await fleet.run(client.status())
    assert.deepEqual(client.endpoints, ['n1:1', 'n2:1'])
  })

  it('is limited in number, whatever a membership claims', async () => {
    const fleet = new ScriptedCluster('n1')
    fleet.node('n1').members = Array.from({ length: 500 }, (_, offset) => `m${offset}`)
    const client = fleet.client()
    await fleet.run(client.propose('a'))
    await fleet.run(client.query('a'))
    assert.equal(client.endpoints.length, 1 + CLIENT_DEFAULTS.learnedEndpointsMax)
  })

  it('is the given endpoint at which a member answered before, rather than the address it has inside', async () => {
    const fleet = new ScriptedCluster('n1', 'n2')
    fleet.nodes.set('outside:7002', fleet.node('n2'))
    fleet.nodes.delete('n2:1')
    const client = fleet.client({ endpoints: ['n1:1', 'outside:7002'] })
    await fleet.run(client.status())
    fleet.elect('n2')
    assert.equal(await fleet.run(client.propose('a')), 'a')
    assert.deepEqual(fleet.nodesCalled('propose'), ['n1', 'n2'])
    assert.equal(fleet.clock.now() < 20, true)
  })

  it('is one node only, if the query says so', async () => {
    const fleet = new ScriptedCluster('n1', 'n2')
    const client = fleet.client()
    assert.equal(await fleet.run(client.query('q', { mode: 'local', endpoint: 'n2:1' })), 'q')
    assert.deepEqual(fleet.nodesCalled('local'), ['n2'])
    const error = await fleet.failure(client.query('q', { endpoint: 'n2:1' }))
    assert.equal(error.code, 'ERR_RAFT_NOT_LEADER')
  })

  it('is the leader still, after a local read elsewhere', async () => {
    const fleet = new ScriptedCluster('n1', 'n2')
    const client = fleet.client()
    await fleet.run(client.propose('a'))
    await fleet.run(client.query('q', { mode: 'local', endpoint: 'n2:1' }))
    await fleet.run(client.propose('b'))
    assert.deepEqual(fleet.nodesCalled('propose'), ['n1', 'n1'])
  })
})

describe('the status of a cluster', () => {
  it('is what each endpoint says, and each member it names', async () => {
    const fleet = new ScriptedCluster('n1', 'n2', 'n3')
    fleet.node('n3').isUp = false
    const said = await fleet.run(fleet.client({ endpoints: ['n1:1', 'n9:1'] }).status())
    const facts = said.map((one) => [one.address, 'status' in one ? one.status.role : one.error.code])
    assert.deepEqual(facts, [
      ['n1:1', 'leader'],
      ['n9:1', 'ERR_RAFT_UNREACHABLE'],
      ['n2:1', 'follower'],
      ['n3:1', 'ERR_RAFT_UNREACHABLE'],
    ])
  })

  it('does not ask a node twice that answers at an endpoint of another name', async () => {
    const fleet = new ScriptedCluster('n1', 'n2')
    fleet.nodes.set('outside:7001', fleet.node('n1'))
    await fleet.run(fleet.client({ endpoints: ['outside:7001'] }).status())
    assert.deepEqual(fleet.nodesCalled('status').sort(), ['n1', 'n2'])
  })
})

describe('administering by a client', () => {
  it('goes to the leader', async () => {
    const fleet = new ScriptedCluster('n1', 'n2')
    fleet.elect('n2')
    const client = fleet.client()
    assert.deepEqual(await fleet.run(client.changeMembership({ promote: ['n3'] })), { index: 7 })
    assert.deepEqual(await fleet.run(client.transferLeadership({ to: 'n1' })), { leader: 'n1' })
    assert.equal((await fleet.run(client.takeSnapshot({ endpoint: 'n1:1' }))).id, 'of-n1')
    assert.deepEqual(client.leader, { id: 'n2', address: 'n2:1', term: 2 })
  })
})

describe('the codecs of a client', () => {
  const upset = {
    encode: () => new Uint8Array(1),
    decode: () => {
      throw new Error('what is this')
    },
  }

  it('may fail on a result, and then the command is applied all the same', async () => {
    const fleet = new ScriptedCluster('n1')
    const error = await fleet.failure(fleet.client({ resultCodec: upset }).propose('a'))
    assert.deepEqual([error.code, error.outcome], ['ERR_RAFT_BAD_MESSAGE', 'applied'])
    assert.match(error.message, /applied at index 1, but its result could not be decoded: what is this/)
  })

  it('may be left out for bytes as they are', async () => {
    const fleet = new ScriptedCluster('n1')
    const client = fleet.client()
    const { index, term, result } = await fleet.run(client.proposeBytes(Buffer.from('"x"')))
    assert.deepEqual([index, term, Buffer.from(result).toString()], [1, 1, '"x"'])
    assert.equal((await fleet.run(client.queryBytes(Buffer.from('"y"')))).appliedIndex, 1)
  })
})

describe('the options of a client', () => {
  it('are refused with all their mistakes at once', () => {
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

describe('the arguments of a call', () => {
  for (const timeoutMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
    it(`include no timeout of ${timeoutMs} ms`, async () => {
      const fleet = new ScriptedCluster('n1')
      assert.equal((await fleet.failure(fleet.client().propose('a', { timeoutMs }))).code, 'ERR_RAFT_OPTIONS')
      assert.deepEqual(fleet.calls, [])
    })

  it('are bytes where bytes are due', async () => {
    const client = new ScriptedCluster('n1').client()
    await assert.rejects(client.proposeBytes('YWJj' as unknown as Uint8Array), { code: 'ERR_RAFT_OPTIONS' })
    await assert.rejects(client.queryBytes('YWJj' as unknown as Uint8Array), { code: 'ERR_RAFT_OPTIONS' })
  })
})

describe('a node in the same process', () => {
  it('may hang in a query, a status, a change, and the call ends all the same', async () => {
    const fleet = new ScriptedCluster('n1')
    fleet.node('n1').always = hangs()
    const options = { timeoutMs: 300 }
    const client = fleet.client()
    assert.equal((await fleet.failure(client.query('q', options))).code, 'ERR_RAFT_TIMEOUT')
    const change = await fleet.failure(client.changeMembership({ remove: ['n2'] }, options))
    assert.deepEqual([change.code, change.outcome], ['ERR_RAFT_OUTCOME_UNKNOWN', 'unknown'])
  })

  it('may fail in ways that are no RaftError', async () => {
    const fleet = new ScriptedCluster('n1', 'n2')
    fleet.node('n1').always = async () => {
      throw new TypeError('a bug')
    }
    const error = await fleet.failure(fleet.client().propose('a'))
    assert.deepEqual([error.code, error.outcome], ['ERR_RAFT_INTERNAL', 'unknown'])
    assert.equal((await fleet.failure(fleet.client().query('a'))).outcome, 'not-applied')
  })
})

/** A stranger that knows every id cannot greet as a member, write, change the membership or ask for the status: with a secret, and with certificates. */
import assert from 'node:assert/strict'
import { connect } from '../../src/connect.ts'
import type { Transport } from '../../src/contracts/transport.ts'
import { isRaftError } from '../../src/errors.ts'
import { MemoryDisk, MemoryStorage } from '../../src/memory/index.ts'
import type { SharedSecret } from '../../src/peer-link/secret-tls.ts'
import type { TlsOptions } from '../../src/peer-link/tls-options.ts'
import type { RaftNode } from '../../src/runtime/raft-node.ts'
import { startNode } from '../../src/start-node.ts'
import { RecordingHost } from '../../src/testing/contracts/transport/recording-host.ts'
import { nodeTls, roleTls, STRANGER } from './certificates.ts'
import { appendOfOneBlock } from './sample-hello.ts'
import type { TransportKind } from './transport-fixture.ts'
import { makeTransport } from './transport-fixture.ts'

const SECRET = { clusterSecret: 'a secret of the cluster, and long' }
const OTHER = { clusterSecret: 'another secret, which is also long' }

const MACHINE = { apply: () => 0, query: () => 0, snapshot: () => [], restore: async () => undefined }

type Tls = TlsOptions | SharedSecret | undefined

describe('forged peers', () => {
  let node: RaftNode<unknown, unknown, unknown, unknown>
  const opened: { close(): Promise<void> }[] = []

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((each) => each.close()))
  })

  const startVictim = async (tls: Tls): Promise<void> => {
    const storage = new MemoryStorage({ disk: new MemoryDisk({ directoryId: 'disk-of-n1' }) })
    const peers = { n1: '127.0.0.1:0' }
    const secure = tls !== undefined && 'clusterSecret' in tls ? tls : { tls }
    const options = { id: 'n1', cluster: 'test', peers, listen: '127.0.0.1:0', storage, ...secure }
    node = (await startNode({ ...options, stateMachine: MACHINE as never })) as typeof node
    opened.push(node)
    // Its own metadata is recorded in the second entry.
    await node.until(({ role, appliedIndex }) => role === 'leader' && appliedIndex >= 2, { timeoutMs: 5000 })
  }

  const startForger = async (kind: TransportKind, tls: Tls): Promise<{ transport: Transport; host: RecordingHost }> => {
    const transport = makeTransport(kind, 'n2', { tls, handshakeTimeoutMs: 500 })
    opened.push(transport)
    const host = new RecordingHost({ clusterId: 'test', nodeId: 'n2', directoryId: 'disk-of-n2' })
    await transport.start(host)
    transport.setPeers(new Map([['n1', node.statusNow().address]]))
    return { transport, host }
  }

  for (const { mode, own, forged } of [
    { mode: 'a secret, by a peer in plain text', own: () => SECRET, forged: () => undefined },
    { mode: 'a secret, by a peer with another one', own: () => SECRET, forged: () => OTHER },
    { mode: 'a secret, by a peer with certificates', own: () => SECRET, forged: () => nodeTls('n2') },
    { mode: 'certificates, by a peer in plain text', own: () => nodeTls('n1'), forged: () => undefined },
    { mode: 'certificates, by a peer with a secret', own: () => nodeTls('n1'), forged: () => SECRET },
    { mode: 'certificates, by a peer of another authority', own: () => nodeTls('n1'), forged: () => STRANGER },
  ] as const)
    for (const kind of ['tcp', 'grpc'] as const)
      it(`cannot greet, append or fetch with ${mode}, over ${kind}`, async () => {
        await startVictim(await own())
        const before = node.statusNow()
        const { transport, host } = await startForger(kind, await forged())
        await host.until('the refusal', () => host.callsOfType('refusedBy').length > 0)
        const { refusal } = host.callsOfType('refusedBy')[0] ?? {}
        assert.match(refusal?.code ?? '', /^ERR_RAFT_(UNAUTHENTICATED|PROTOCOL)$/)
        assert.doesNotMatch(refusal?.message ?? '', /SSL|[0-9A-F]{12}/)
        assert.equal(transport.send('n1', appendOfOneBlock()), false)
        await assert.rejects(async () => {
          for await (const _ of transport.fetchSnapshot('n1', 's', 0, new AbortController().signal));
        }, isRaftError)
        const { connected, lastIndex, term } = node.statusNow()
        assert.deepEqual([connected, lastIndex, term], [[], before.lastIndex, before.term])
      })

  for (const { mode, own, forged } of [
    { mode: 'a secret, in plain text', own: () => SECRET, forged: () => ({}) },
    { mode: 'a secret, with another one', own: () => SECRET, forged: () => OTHER },
    { mode: 'certificates, in plain text', own: () => nodeTls('n1'), forged: () => ({}) },
    { mode: 'certificates, with a secret', own: () => nodeTls('n1'), forged: () => SECRET },
    {
      mode: 'certificates, with those of another authority',
      own: () => nodeTls('n1'),
      forged: () => ({ tls: STRANGER }),
    },
  ] as const)
    it(`cannot write, change the membership or see the status at a node with ${mode}`, async () => {
      await startVictim(await own())
      const before = node.statusNow().lastIndex
      const client = await connect({ endpoints: [node.statusNow().address], timeoutMs: 400, ...(await forged()) })
      opened.push(client)
      for (const call of [
        () => client.propose('x'),
        () => client.changeMembership({ add: [{ id: 'n2', address: '127.0.0.1:1' }] }),
        () => client.query('x'),
      ])
        await assert.rejects(call(), (error) => isRaftError(error) && error.outcome === 'not-applied')
      assert.ok((await client.status()).every((answer) => 'error' in answer))
      assert.equal(node.statusNow().lastIndex, before)
    })

  it('are all accepted in plain mode, and the status says so', async () => {
    await startVictim(undefined)
    assert.equal(node.statusNow().protection, 'none')
    for (const kind of ['tcp', 'grpc'] as const) {
      const { host, transport } = await startForger(kind, undefined)
      await host.until('the link', () => host.isConnected('n1'))
      await transport.close()
    }
    for (const forged of [nodeTls('n2'), SECRET]) {
      const { host, transport } = await startForger('tcp', await forged)
      await host.until('the refusal', () => host.callsOfType('refusedBy').length > 0)
      assert.match(host.callsOfType('refusedBy')[0]?.refusal.message ?? '', /it answers without TLS/)
      await transport.close()
    }
  })

  it('are none of those with the secret', async () => {
    await startVictim(SECRET)
    for (const kind of ['tcp', 'grpc'] as const) {
      const { host, transport } = await startForger(kind, SECRET)
      await host.until('the link', () => host.isConnected('n1'))
      await transport.close()
    }
    const client = await connect({ endpoints: [node.statusNow().address], ...SECRET })
    opened.push(client)
    assert.ok((await client.status()).every((answer) => 'status' in answer))
    assert.equal(await client.propose('x'), 0)
  })

  it('are none of those with the role of a client, which may not change the membership', async () => {
    await startVictim(await nodeTls('n1'))
    const client = await connect({ endpoints: [node.statusNow().address], tls: await roleTls('client') })
    opened.push(client)
    assert.equal(await client.propose('x'), 0)
    await assert.rejects(client.changeMembership({ add: [{ id: 'n2', address: '127.0.0.1:1' }] }), {
      code: 'ERR_RAFT_UNAUTHORIZED',
      message: /^ChangeMembership needs the role admin, seen the role client of the certificate/,
    })
  })
})

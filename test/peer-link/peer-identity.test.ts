/** The identity of a peer comes from its certificate, on every transport and at both ends. */
import assert from 'node:assert/strict'
import type { Transport } from '../../src/contracts/transport.ts'
import type { TlsOptions } from '../../src/peer-link/tls-options.ts'
import { RecordingHost } from '../../src/testing/contracts/transport/recording-host.ts'
import { nodeTls, tlsWith } from './certificates.ts'
import type { TransportKind } from './transport-fixture.ts'
import { makeTransport, TRANSPORT_KINDS } from './transport-fixture.ts'

interface Started {
  readonly transport: Transport
  readonly host: RecordingHost
}

for (const kind of TRANSPORT_KINDS) describe(`the identity of a peer over ${kind}`, () => identityTests(kind))

function identityTests(kind: TransportKind): void {
  const started: Transport[] = []

  afterEach(async () => {
    await Promise.all(started.splice(0).map((transport) => transport.close()))
  })

  const start = async (id: string, tls: TlsOptions): Promise<Started> => {
    const transport = makeTransport(kind, id, { tls, handshakeTimeoutMs: 500 })
    started.push(transport)
    const host = new RecordingHost({ clusterId: 'test', nodeId: id, directoryId: `disk-of-${id}` })
    await transport.start(host)
    return { transport, host }
  }

  /** A node that calls itself x, with the certificate of another one. Only by its own pattern is that right. */
  const startForger = async (owner: string): Promise<Started> => {
    const hosts = ['127.0.0.1', 'x.forged.example']
    const tls = await tlsWith({ uris: [`raft://test/${owner}`], hosts })
    return start('x', { ...tls, nodeDnsNames: '{id}.forged.example' })
  }

  const refusalOf = async ({ host }: Started): Promise<string> => {
    await host.until('the refusal', () => host.callsOfType('refusedBy').length > 0)
    const { refusal } = host.callsOfType('refusedBy')[0] ?? {}
    assert.equal(refusal?.code, 'ERR_RAFT_UNAUTHENTICATED')
    return refusal.message
  }

  it('links nodes whose certificates name them', async () => {
    const [a, b] = [await start('a', await nodeTls('a')), await start('b', await nodeTls('b'))]
    a.transport.setPeers(new Map([['b', b.transport.address]]))
    await a.host.until('the link', () => a.host.isConnected('b'))
    await b.host.until('the link', () => b.host.isConnected('a'))
  })

  it('links nodes whose certificates have the DNS names of the pattern', async () => {
    const tlsOf = async (id: string): Promise<TlsOptions> => ({
      ...(await tlsWith({ hosts: [`${id}.kv.example`, '127.0.0.1'] })),
      nodeDnsNames: '{id}.kv.example',
    })
    const [a, b] = [await start('a', await tlsOf('a')), await start('b', await tlsOf('b'))]
    a.transport.setPeers(new Map([['b', b.transport.address]]))
    await a.host.until('the link', () => a.host.isConnected('b'))
  })

  it('refuses a caller with the certificate of another node, and tells both ends', async () => {
    const forger = await startForger('a')
    const b = await start('b', await nodeTls('b'))
    forger.transport.setPeers(new Map([['b', b.transport.address]]))
    const expected =
      "the peer is not proven to be x: expected a certificate with raft://test/x, seen the certificate 'CN=test' of 'CN=test ca' with raft://test/a, DNS name x.forged.example"
    assert.equal(await refusalOf(forger), expected)
    await b.host.until('the report', () => b.host.callsOfType('condition').length > 0)
    const { code, message } = b.host.callsOfType('condition')[0] ?? {}
    assert.equal(code, 'PEERS_REFUSED')
    assert.ok(message?.includes(expected), message)
    assert.deepEqual(b.host.callsOfType('admit'), [])
  })

  it('refuses a node with the certificate of another node that it has reached', async () => {
    const forger = await startForger('b')
    const a = await start('a', await nodeTls('a'))
    a.transport.setPeers(new Map([['x', forger.transport.address]]))
    assert.match(
      await refusalOf(a),
      /^the peer is not proven to be x: expected .*raft:\/\/test\/x, seen .*raft:\/\/test\/b/,
    )
    assert.deepEqual(a.host.callsOfType('admit'), [])
  })

  it('fetches no snapshot from a node with the certificate of another one, and sends none to it', async () => {
    const a = await start('a', await nodeTls('a'))
    const forger = await startForger('b')
    let reads = 0
    a.host.snapshot = async function* () {
      reads++
      yield new Uint8Array(10)
    }
    forger.host.snapshot = async function* () {
      yield new Uint8Array(10)
    }
    a.transport.setPeers(new Map([['x', forger.transport.address]]))
    forger.transport.setPeers(new Map([['a', a.transport.address]]))
    for (const [by, from] of [
      [a, 'x'],
      [forger, 'a'],
    ] as const)
      await assert.rejects(allBytes(by.transport, from), { code: 'ERR_RAFT_UNAUTHENTICATED' })
    assert.equal(reads, 0)
  })

  it('starts no node with the certificate of another one', async () => {
    await assert.rejects(start('b', await nodeTls('a')), {
      code: 'ERR_RAFT_OPTIONS',
      message: /does not name b of cluster test: expected raft:\/\/test\/b, seen .*raft:\/\/test\/a/,
    })
  })
}

async function allBytes(transport: Transport, from: string): Promise<void> {
  for await (const _ of transport.fetchSnapshot(from, 's', 0, new AbortController().signal));
}

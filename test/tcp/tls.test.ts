/** TLS at the port that gRPC and TCP share: one set of keys, and a reason when two nodes do not agree. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { ChannelCredentials, Client } from '@grpc/grpc-js'
import type { Transport } from '../../src/contracts/transport.ts'
import type { TlsOptions } from '../../src/peer-link/tls-options.ts'
import { startNode } from '../../src/start-node.ts'
import { TcpTransport } from '../../src/tcp/tcp-transport.ts'
import { RecordingHost } from '../../src/testing/contracts/transport/recording-host.ts'
import { NODE, STRANGER } from '../peer-link/certificates.ts'
import { makeTransport } from '../peer-link/transport-fixture.ts'

describe('TLS between nodes', () => {
  const started: Transport[] = []

  afterEach(async () => {
    await Promise.all(started.splice(0).map((transport) => transport.close()))
  })

  const start = async (
    id: string,
    tls: TlsOptions | undefined,
  ): Promise<{ transport: Transport; host: RecordingHost }> => {
    const transport = makeTransport('mixed', id, { tls, handshakeTimeoutMs: 500 })
    started.push(transport)
    const host = new RecordingHost({ clusterId: 'test', nodeId: id, directoryId: `disk-of-${id}` })
    await transport.start(host)
    return { transport, host }
  }

  for (const kind of ['tcp', 'grpc'] as const)
    for (const { what, own, other, code, expected } of [
      {
        what: 'whose certificate the other does not trust',
        own: () => STRANGER,
        other: () => NODE,
        code: 'ERR_RAFT_UNAUTHENTICATED',
        expected: /^the certificate 'CN=test' of 'CN=stranger' with .* is not trusted: none of the authorities/,
      },
      {
        what: 'that does not trust the certificate of the other',
        own: () => NODE,
        other: () => STRANGER,
        code: 'ERR_RAFT_UNAUTHENTICATED',
        expected:
          /^TLS with 127.0.0.1:\d+ failed: its certificate is not trusted: none of the authorities in `ca` has signed it$/,
      },
      {
        what: 'with TLS, to one without,',
        own: () => NODE,
        other: () => undefined,
        code: 'ERR_RAFT_PROTOCOL',
        expected: /^TLS with 127.0.0.1:\d+ failed: it answers without TLS$/,
      },
      {
        what: 'without TLS, to one with it,',
        own: () => undefined,
        other: () => NODE,
        code: kind === 'tcp' ? 'ERR_RAFT_PROTOCOL' : 'ERR_RAFT_UNAUTHENTICATED',
        expected: /takes only connections with TLS or the cluster secret/,
      },
    ])
      it(`is refused to a node ${what} with the reason, over ${kind}`, async () => {
        const b = await start(kind === 'tcp' ? 'b' : 'a', own())
        const c = await start('c', other())
        b.transport.setPeers(new Map([['c', c.transport.address]]))
        await b.host.until('the refusal', () => b.host.callsOfType('refusedBy').length > 0)
        const { refusal } = b.host.callsOfType('refusedBy')[0] ?? {}
        assert.match(refusal?.message ?? '', expected)
        assert.equal(refusal?.code, code)
        assert.deepEqual(c.host.callsOfType('admit'), [])
      })

  it('accepts no peer that sends frames in plain text', async () => {
    const c = await start('c', NODE)
    const socket = connect(Number(c.transport.address.split(':')[1]), '127.0.0.1')
    socket.on('error', () => undefined)
    socket.resume()
    socket.write('QRTLINK1')
    await new Promise((resolve) => socket.once('close', resolve))
    assert.deepEqual(c.host.calls, [])
  })

  it('serves gRPC to a client with a certificate at the same port', async () => {
    const c = await start('c', NODE)
    const [ca, key, cert] = [NODE.ca, NODE.key, NODE.cert].map((pem) => Buffer.from(pem as string))
    // The client of grpc-js alone cannot connect to an IP address with TLS under Node.js 26.
    const address = c.transport.address.replace('127.0.0.1', 'localhost')
    const client = new Client(address, ChannelCredentials.createSsl(ca, key, cert))
    await new Promise<void>((resolve, reject) =>
      client.waitForReady(Date.now() + 3000, (error) => (error ? reject(error) : resolve())),
    )
    client.close()
  })

  it('needs keys that fit, and not both kinds of credentials', async () => {
    assert.throws(() => new TcpTransport({ listen: '127.0.0.1:0', tls: { ...NODE, key: STRANGER.key } }), {
      code: 'ERR_RAFT_OPTIONS',
      message: /tls has a key or certificate that cannot be used: the key is not that of the certificate/,
    })
    const credentials = { server: {}, channel: {} } as never
    const options = {
      id: 'n1',
      listen: '127.0.0.1:0',
      peers: {},
      dataDir: 'unused',
      stateMachine: { apply: () => 0 } as never,
    }
    for (const [changed, expected] of [
      [{ credentials, tls: NODE }, /`tls` exclude each other/],
      [{ credentials, peerTransport: 'tcp' }, /'tcp' needs `tls` instead of `credentials`/],
      [{ peerTransport: 'udp' as 'tcp' }, /must be 'grpc' or 'tcp'/],
    ] as const)
      await assert.rejects(startNode({ ...options, ...changed }), { code: 'ERR_RAFT_OPTIONS', message: expected })
  })
})

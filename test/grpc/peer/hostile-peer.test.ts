/** A node answers or disconnects hostile peers, and continues to serve the others. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { ClientDuplexStream } from '@grpc/grpc-js'
import { Client, credentials, status } from '@grpc/grpc-js'
import { GrpcTransport } from '../../../src/grpc/grpc-transport.ts'
import { decodeFrame, encodeFetchRequest, encodeFrame } from '../../../src/grpc/peer/codec.ts'
import { peerProto } from '../../../src/grpc/peer/peer-proto.ts'
import { tlsCredentials } from '../../../src/grpc/shared/channel-credentials.ts'
import type { Frame, Hello } from '../../../src/peer-link/frames.ts'
import type { TlsOptions } from '../../../src/peer-link/tls-options.ts'
import { RecordingHost } from '../../../src/testing/contracts/transport/recording-host.ts'
import { CLIENT, openConnection, PEER, SESSIONS } from '../../peer-link/hostile-sessions.ts'
import {
  appendOfOneBlock,
  helloTo,
  readIndexRequest,
  SAMPLE_BLOCK,
  WRONG_HELLOS,
} from '../../peer-link/sample-hello.ts'

for (const { over, tls } of SESSIONS)
  describe(`a node under hostile bytes, ${over}`, () => {
    let node: GrpcTransport
    let host: RecordingHost
    let client: Client

    beforeEach(async () => {
      node = new GrpcTransport({
        listen: '127.0.0.1:0',
        tls,
        greetingTimeoutMs: 300,
        handshakeTimeoutMs: 150,
        handshakesMax: 8,
        keepaliveTimeMs: 150,
        keepaliveTimeoutMs: 150,
        messageBytesMax: 1024 * 1024,
        refusalMemoryMs: 0,
      })
      host = new RecordingHost({ clusterId: 'test', nodeId: 'n1', directoryId: 'd1' })
      await node.start(host)
      client = clientOf(node.address, tls)
    })

    afterEach(async () => {
      try {
        const honest = await honestPeer(client, host)
        honest.send({ type: 'messages', messages: [readIndexRequest(77)] })
        await host.until('a message of an honest peer', () =>
          host.callsOfType('receive').some(({ from }) => from === 'honest'),
        )
        honest.call.cancel()
      } finally {
        client.close()
        await node.close()
      }
    })

    for (const { what, bytes } of [
      { what: 'random bytes', bytes: randomBytes(100_000) },
      { what: 'zeros', bytes: Buffer.alloc(100_000) },
      { what: 'an HTTP/1 request', bytes: Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n') },
      { what: 'a TLS client hello', bytes: Buffer.from('16030100ca010000c60303', 'hex') },
      { what: 'an HTTP/2 preface and random bytes', bytes: Buffer.concat([preface(), randomBytes(10_000)]) },
      {
        what: 'a frame that claims 16 MiB',
        bytes: Buffer.concat([preface(), Buffer.from('ffffff0000000000010a', 'hex')]),
      },
    ])
      it(`disconnects a client that sends ${what}`, async () => {
        await disconnected(node.address, bytes, tls)
      })

    it('disconnects a client that sends nothing', async () => {
      await disconnected(node.address, Buffer.alloc(0), tls)
    })

    it('ends a stream without a hello after the handshake timeout', async () => {
      const silent = new RawPeer(client)
      assert.equal((await silent.ended).code, status.DEADLINE_EXCEEDED)
    })

    it('limits the number of pending handshakes', async () => {
      const peers = Array.from({ length: 20 }, () => new RawPeer(client))
      const codes = await Promise.all(peers.map(async ({ ended }) => (await ended).code))
      assert.equal(codes.filter((code) => code === status.RESOURCE_EXHAUSTED).length, 12)
    })

    for (const { what, bytes, expected } of [
      { what: 'random bytes', bytes: Buffer.from('ffffffffffffffffff', 'hex'), expected: /malformed/ },
      { what: 'an empty frame', bytes: Buffer.alloc(0), expected: /not 0 of them/ },
      { what: 'a very large frame', bytes: Buffer.alloc(100_000), expected: /100000 bytes instead of a hello/ },
      {
        what: 'messages',
        bytes: encodeFrame({ type: 'messages', messages: [readIndexRequest(1)] }),
        expected: /messages before/,
      },
      {
        what: 'a refusal',
        bytes: encodeFrame({ type: 'refusal', refusal: { code: 'X', message: '' } }),
        expected: /before/,
      },
    ])
      it(`rejects a stream that starts with ${what}`, async () => {
        const peer = new RawPeer(client)
        peer.call.write(bytes)
        const { code, details } = await peer.ended
        assert.equal(code, status.INVALID_ARGUMENT)
        assert.match(details, expected)
        assert.deepEqual(host.calls, [])
      })

    for (const { what, changes, code } of WRONG_HELLOS)
      it(`rejects a hello that ${what}`, async () => {
        const peer = new RawPeer(client, { ...helloTo('n2'), ...changes })
        assert.equal((await peer.ended).code, status.FAILED_PRECONDITION)
        const [frame] = peer.frames
        assert.ok(frame?.type === 'refusal')
        assert.equal(frame.refusal.code, code)
        assert.deepEqual(host.callsOfType('receive'), [])
      })

    for (const { what, bytes, expected } of [
      { what: 'random bytes', bytes: Buffer.from('ffffffffffffffffff', 'hex'), expected: /malformed/ },
      { what: 'a second hello', bytes: encodeFrame({ type: 'hello', hello: helloTo('n2') }), expected: /second hello/ },
      { what: 'a damaged block', bytes: damagedAppend(), expected: /checksum/ },
    ])
      it(`closes the link to a peer that sends ${what}, gives both ends the reason, and delivers nothing`, async () => {
        const peer = new RawPeer(client, helloTo('n2'))
        await host.until('a link', () => host.isConnected('n2'))
        peer.call.write(bytes)
        const { code, details } = await peer.ended
        assert.equal(code, status.INVALID_ARGUMENT)
        assert.match(details, expected)
        assert.match(host.callsOfType('peerLost')[0]?.reason ?? '', /^ERR_RAFT_BAD_MESSAGE: /)
        assert.deepEqual(host.callsOfType('receive'), [])
        assert.equal(node.send('n2', readIndexRequest(1)), false)
      })

    it('disconnects a peer that sends more than the largest message', async () => {
      const peer = new RawPeer(client, helloTo('n2'))
      await host.until('a link', () => host.isConnected('n2'))
      peer.call.write(Buffer.alloc(4 * 1024 * 1024))
      assert.equal((await peer.ended).code, status.RESOURCE_EXHAUSTED)
      await host.until('the loss', () => !host.isConnected('n2'))
    })

    it('replaces the stream of a peer by a newer one', async () => {
      const older = new RawPeer(client, helloTo('n2'))
      await host.until('a link', () => host.isConnected('n2'))
      const newer = new RawPeer(client, helloTo('n2'))
      await older.ended
      await host.until('both', () => host.callsOfType('peerConnected').length === 2)
      assert.ok(node.send('n2', readIndexRequest(5)))
      await newer.until('a message', () => newer.frames.some(({ type }) => type === 'messages'))
      newer.call.cancel()
      await host.until('the loss', () => !host.isConnected('n2'))
      assert.equal(host.callsOfType('peerLost').length, 2)
    })

    it('answers a snapshot request that is malformed or fails with a status', async () => {
      const requests = [
        { bytes: Buffer.from('ff', 'hex'), code: status.INVALID_ARGUMENT },
        {
          bytes: encodeFetchRequest({ hello: helloTo('n2'), id: '../../etc/passwd', offset: 0 }),
          code: status.INVALID_ARGUMENT,
        },
        { bytes: encodeFetchRequest({ hello: helloTo('n2'), id: 's1', offset: 0 }), code: status.INTERNAL },
      ]
      for (const { bytes, code } of requests) {
        const { path, requestSerialize, responseDeserialize } = peerProto().fetchSnapshot
        const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, bytes)
        call.on('error', () => undefined)
        call.resume()
        const ended = await new Promise<number>((resolve) => call.once('status', (end) => resolve(end.code)))
        assert.equal(ended, code)
      }
    })

    it('answers a call of an unknown method with UNIMPLEMENTED', async () => {
      const same = (bytes: Buffer): Buffer => bytes
      const error = await new Promise<{ code: number } | null>((resolve) =>
        client.makeUnaryRequest('/quorate.v1.Peer/Nope', same, same, Buffer.alloc(3), (failure) => resolve(failure)),
      )
      assert.equal(error?.code, status.UNIMPLEMENTED)
    })
  })

describe('a node under hostile bytes, inside TLS, with the certificate of a client', () => {
  it('takes no hello and no snapshot request, and delivers nothing', async () => {
    const node = new GrpcTransport({ listen: '127.0.0.1:0', tls: PEER, greetingTimeoutMs: 300 })
    const host = new RecordingHost({ clusterId: 'test', nodeId: 'n1', directoryId: 'd1' })
    await node.start(host)
    const client = clientOf(node.address, CLIENT)
    const stranger = new RawPeer(client, helloTo('n2'))
    stranger.send({ type: 'messages', messages: [readIndexRequest(1)] })
    assert.equal((await stranger.ended).code, status.FAILED_PRECONDITION)
    const [frame] = stranger.frames
    assert.ok(frame?.type === 'refusal')
    assert.match(frame.refusal.message, /not proven to be n2: .*, seen .*roles\/client/)
    const { path, requestSerialize, responseDeserialize } = peerProto().fetchSnapshot
    const request = encodeFetchRequest({ hello: helloTo('n2'), id: 's1', offset: 0 })
    const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request)
    call.on('error', () => undefined).resume()
    const { details } = await new Promise<{ details: string }>((resolve) => call.once('status', resolve))
    assert.match(details, /not proven to be n2/)
    for (const bytes of [Buffer.alloc(100_000), randomBytes(10_000), Buffer.concat([preface(), randomBytes(10_000)])])
      await disconnected(node.address, bytes, CLIENT)
    assert.deepEqual([host.callsOfType('admit'), host.callsOfType('receive')], [[], []])
    client.close()
    const peers = clientOf(node.address, PEER)
    const honest = new RawPeer(peers, helloTo('honest'))
    await host.until('a link', () => host.isConnected('honest'))
    honest.call.cancel()
    peers.close()
    await node.close()
  })
})

/** Links an honest peer, which tries again like a node: this process may have been too busy for the short timeouts. */
async function honestPeer(client: Client, host: RecordingHost): Promise<RawPeer> {
  for (let attempt = 1; attempt <= HONEST_ATTEMPTS; attempt++) {
    const peer = new RawPeer(client, helloTo('honest'))
    let isEnded = false
    void peer.ended.then(() => {
      isEnded = true
    })
    await peer.until('a link', () => isEnded || host.isConnected('honest'))
    if (!isEnded) return peer
  }
  throw new Error(`no link in ${HONEST_ATTEMPTS} attempts`)
}

const HONEST_ATTEMPTS = 5

/** A client that writes the frames of the peer protocol itself. */
class RawPeer {
  readonly call: ClientDuplexStream<Buffer, Buffer>
  readonly frames: Frame[] = []
  readonly ended: Promise<{ readonly code: number; readonly details: string }>

  constructor(client: Client, ownHello?: Hello) {
    const { path, requestSerialize, responseDeserialize } = peerProto().link
    this.call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize)
    this.call.on('error', () => undefined)
    this.call.on('data', (bytes: Buffer) => this.frames.push(decodeFrame(bytes)))
    this.ended = new Promise((resolve) => this.call.once('status', resolve))
    if (ownHello !== undefined) this.send({ type: 'hello', hello: ownHello })
  }

  send(frame: Frame): void {
    this.call.write(encodeFrame(frame))
  }

  async until(what: string, isReached: () => boolean): Promise<void> {
    for (let waited = 0; !isReached(); waited += 5) {
      assert.ok(waited < 5000, `timed out waiting for ${what}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
}

/** A frame with an AppendEntriesRequest in whose block one bit is flipped. */
function damagedAppend(): Buffer {
  const bytes = encodeFrame({ type: 'messages', messages: [appendOfOneBlock()] })
  const last = bytes.indexOf(SAMPLE_BLOCK.bytes) + SAMPLE_BLOCK.size - 1
  bytes.writeUInt8(bytes.readUInt8(last) ^ 1, last)
  return bytes
}

function preface(): Buffer {
  return Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
}

function clientOf(address: string, tls: TlsOptions | undefined): Client {
  const security = tls === undefined ? credentials.createInsecure() : tlsCredentials(tls)
  return new Client(address, security, { 'grpc.max_send_message_length': -1 })
}

/** Resolves once the node has closed the connection. */
async function disconnected(address: string, bytes: Buffer, tls: TlsOptions | undefined): Promise<void> {
  const socket = await openConnection(address, tls)
  socket.resume()
  socket.write(bytes)
  await new Promise<void>((resolve) => socket.once('close', () => resolve()))
}

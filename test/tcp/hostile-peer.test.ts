/** A node answers or disconnects hostile peers over TCP, and continues to serve the others. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { AddressInfo, Socket } from 'node:net'
import { createServer } from 'node:net'
import fc from 'fast-check'
import { encodeFetch, encodeHello, encodeRefusal } from '../../src/tcp/control-frames.ts'
import { LINK_PREFACE, SNAPSHOT_PREFACE } from '../../src/tcp/frame-format.ts'
import { encodeMessages } from '../../src/tcp/message-codec.ts'
import { TcpTransport } from '../../src/tcp/tcp-transport.ts'
import { RecordingHost } from '../../src/testing/contracts/transport/recording-host.ts'
import { CLIENT, openConnection, PEER, SESSIONS } from '../peer-link/hostile-sessions.ts'
import { appendOfOneBlock, helloTo, readIndexRequest, WRONG_HELLOS } from '../peer-link/sample-hello.ts'

for (const { over, tls } of SESSIONS)
  describe(`a node under hostile bytes over TCP, ${over}`, () => {
    let node: TcpTransport
    let host: RecordingHost
    const peers: RawPeer[] = []

    beforeEach(async () => {
      node = new TcpTransport({
        listen: '127.0.0.1:0',
        tls,
        handshakeTimeoutMs: 150,
        handshakesMax: 8,
        // Twenty handshakes of TLS take some time.
        greetingTimeoutMs: tls === undefined ? 300 : 1500,
        keepaliveTimeMs: 150,
        keepaliveTimeoutMs: 150,
        messageBytesMax: 1024 * 1024,
        refusalMemoryMs: 0,
      })
      host = new RecordingHost({ clusterId: 'test', nodeId: 'n1', directoryId: 'd1' })
      await node.start(host)
    })

    afterEach(async () => {
      try {
        const honest = await linked('honest')
        honest.write(encodeMessages([readIndexRequest(77)]))
        await host.until('a message of an honest peer', () =>
          host.callsOfType('receive').some(({ from }) => from === 'honest'),
        )
      } finally {
        for (const peer of peers.splice(0)) peer.socket.destroy()
        await node.close()
      }
    })

    /** A peer that has sent a preface and these frames. */
    async function raw(preface: string, frames: readonly Uint8Array[] = []): Promise<RawPeer> {
      const peer = new RawPeer(await openConnection(node.address, tls))
      peers.push(peer)
      peer.write([Buffer.from(preface), ...frames])
      return peer
    }

    async function linked(nodeId: string): Promise<RawPeer> {
      const peer = await raw(LINK_PREFACE, encodeHello(helloTo(nodeId)))
      await host.until('a link', () => host.isConnected(nodeId))
      return peer
    }

    for (const { what, bytes } of [
      { what: 'an HTTP/2 preface', bytes: Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n') },
      { what: 'an HTTP/1 request', bytes: Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n') },
      { what: 'zeros', bytes: Buffer.alloc(100_000) },
    ])
      it(`names its protocol to a caller that sends ${what}, and disconnects it`, async () => {
        const caller = await raw('', [bytes])
        await caller.ended
        assert.match(caller.text, /"ERR_RAFT_PROTOCOL".*this port speaks the TCP peer protocol of quorate only/)
      })

    for (const { what, bytes } of [
      { what: 'nothing', bytes: Buffer.alloc(0) },
      { what: 'half a preface', bytes: Buffer.from(LINK_PREFACE.slice(0, 4)) },
      { what: 'a preface and nothing', bytes: Buffer.from(LINK_PREFACE) },
      { what: 'a preface of a snapshot and nothing', bytes: Buffer.from(SNAPSHOT_PREFACE) },
    ])
      it(`disconnects a caller that sends ${what}`, async () => {
        await (await raw('', [bytes])).ended
        assert.deepEqual(host.callsOfType('admit'), [])
      })

    it('limits the number of pending handshakes', async () => {
      const callers = await Promise.all(Array.from({ length: 20 }, () => raw('')))
      for (const caller of callers) caller.write([Buffer.from(LINK_PREFACE)])
      await Promise.all(callers.map(({ ended }) => ended))
      assert.equal(callers.filter(({ text }) => /too many handshakes pending/.test(text)).length, 12)
    })

    it('takes the hello of a peer while silent callers have all pending handshakes', async () => {
      const silent = await Promise.all(Array.from({ length: 8 }, () => raw(LINK_PREFACE)))
      await linked('n2')
      await Promise.all(silent.map(({ ended }) => ended))
    })

    for (const { what, bytes, expected } of [
      { what: 'random bytes', bytes: Buffer.from('0100000063000000ff', 'hex'), expected: /frame of type 99|unknown/ },
      {
        what: 'a very large frame',
        bytes: Buffer.from('00000100010000000000', 'hex'),
        expected: /65544 bytes; at most 16384/,
      },
      { what: 'messages', bytes: Buffer.concat(encodeMessages([readIndexRequest(1)])), expected: /messages before/ },
      {
        what: 'a refusal',
        bytes: Buffer.concat(encodeRefusal({ code: 'X', message: '' })),
        expected: /refusal before/,
      },
      { what: 'a hello that is no JSON', bytes: Buffer.from('01000000010000007b', 'hex'), expected: /malformed/ },
    ])
      it(`refuses a link that starts with ${what}`, async () => {
        const peer = await raw(LINK_PREFACE, [bytes])
        await peer.ended
        assert.match(peer.text, /ERR_RAFT_BAD_MESSAGE/)
        assert.match(peer.text, expected)
        assert.deepEqual(host.calls, [])
      })

    for (const { what, changes, code } of WRONG_HELLOS)
      it(`refuses a hello that ${what}`, async () => {
        const peer = await raw(LINK_PREFACE, encodeHello({ ...helloTo('n2'), ...changes }))
        await peer.ended
        assert.match(peer.text, new RegExp(code))
        assert.deepEqual(host.callsOfType('receive'), [])
      })

    for (const { what, bytes, expected } of [
      { what: 'an unknown frame', bytes: Buffer.from('0000000063000000', 'hex'), expected: /unknown type 99/ },
      { what: 'a second hello', bytes: Buffer.concat(encodeHello(helloTo('n2'))), expected: /second hello/ },
      { what: 'a damaged block', bytes: damagedAppend(), expected: /checksum/ },
      {
        what: 'the header of a frame of 4 GiB',
        bytes: Buffer.from('ffffffff15000700', 'hex'),
        expected: /at most 1114112/,
      },
    ])
      it(`closes the link to a peer that sends ${what}, gives both ends the reason, and delivers nothing`, async () => {
        const peer = await linked('n2')
        peer.write([bytes])
        await peer.ended
        assert.match(peer.text, expected)
        assert.match(host.callsOfType('peerLost')[0]?.reason ?? '', /^ERR_RAFT_BAD_MESSAGE: /)
        assert.deepEqual(host.callsOfType('receive'), [])
        assert.equal(node.send('n2', readIndexRequest(1)), false)
      })

    it('answers a flood of pings with few pongs, and keeps the link', async () => {
      const peer = await linked('n2')
      const pings = Buffer.alloc(8 * 100_000, Buffer.from('0000000003000000', 'hex'))
      peer.write([pings])
      peer.write(encodeMessages([readIndexRequest(5)]))
      await host.until('the message behind the pings', () => host.callsOfType('receive').length === 1)
      assert.ok(peer.bytes < 100_000, `${peer.bytes} bytes were answered`)
    })

    it('answers a snapshot request that is malformed or fails, and says why', async () => {
      for (const { frames, expected } of [
        { frames: [Buffer.from('01000000060000007b', 'hex')], expected: /"message":"malformed message: (?!malformed)/ },
        {
          frames: encodeFetch({ hello: helloTo('n2'), id: '../../etc/passwd', offset: 0 }),
          expected: /"failure":"malformed".*etc/,
        },
        {
          frames: encodeFetch({ hello: helloTo('n2'), id: 's1', offset: 0 }),
          expected: /"failure":"failed".*no snapshots/,
        },
        { frames: encodeMessages([readIndexRequest(1)]), expected: /"failure":"malformed"/ },
      ]) {
        const caller = await raw(SNAPSHOT_PREFACE, frames)
        await caller.ended
        assert.match(caller.text, expected)
      }
    })

    it('survives arbitrary bytes before and after a hello', () =>
      fc.assert(
        fc.asyncProperty(
          fc.boolean(),
          fc.uint8Array({ maxLength: 200 }),
          fc.nat(30),
          async (isGreeted, bytes, type) => {
            const start = isGreeted ? encodeHello(helloTo('n2')) : []
            const header = Buffer.from([bytes.length, 0, 0, 0, type, 0, 0, 0])
            const peer = await raw(LINK_PREFACE, [...start, header, bytes])
            peer.socket.end()
            await peer.ended
            assert.deepEqual(host.callsOfType('receive'), [])
          },
        ),
        { numRuns: 100 },
      ))
  })

describe('a node under hostile bytes over TCP, inside TLS, with the certificate of a client', () => {
  it('takes no hello and no snapshot request, and delivers nothing', async () => {
    const node = new TcpTransport({ listen: '127.0.0.1:0', tls: PEER, greetingTimeoutMs: 300 })
    const host = new RecordingHost({ clusterId: 'test', nodeId: 'n1', directoryId: 'd1' })
    await node.start(host)
    for (const [preface, frames] of [
      [LINK_PREFACE, encodeHello(helloTo('n2'))],
      [SNAPSHOT_PREFACE, encodeFetch({ hello: helloTo('n2'), id: 's1', offset: 0 })],
    ] as const) {
      const stranger = new RawPeer(await openConnection(node.address, CLIENT))
      stranger.write([Buffer.from(preface), ...frames, ...encodeMessages([readIndexRequest(1)])])
      await stranger.ended
      assert.match(
        stranger.text,
        /not proven to be n2: expected a certificate with raft:\/\/test\/n2, seen .*roles\/client/,
      )
    }
    for (const bytes of [Buffer.alloc(100_000), Buffer.from(LINK_PREFACE.slice(0, 4)), randomBytes(10_000)]) {
      const stranger = new RawPeer(await openConnection(node.address, CLIENT))
      stranger.write([bytes])
      await stranger.ended
    }
    assert.deepEqual([host.callsOfType('admit'), host.callsOfType('receive')], [[], []])
    const honest = new RawPeer(await openConnection(node.address, PEER))
    honest.write([Buffer.from(LINK_PREFACE), ...encodeHello(helloTo('honest'))])
    await host.until('a link', () => host.isConnected('honest'))
    honest.socket.destroy()
    await node.close()
  })
})

describe('a connection over TCP', () => {
  it('tells the dialling end which protocol answers instead', async () => {
    for (const { answer, expected } of [
      { answer: '000000040000000000', expected: 'gRPC only' },
      { answer: Buffer.from('HTTP/1.1 400 Bad').toString('hex'), expected: "begins with 'HTTP/1.1 400 Bad'" },
    ]) {
      const other = createServer((socket) =>
        socket.on('error', () => undefined).end(Buffer.from(answer, 'hex')),
      ).listen(0, '127.0.0.1')
      await new Promise((resolve) => other.once('listening', resolve))
      const a = new TcpTransport({ listen: '127.0.0.1:0' })
      const host = new RecordingHost({ clusterId: 'test', nodeId: 'a', directoryId: 'd' })
      await a.start(host)
      a.setPeers(new Map([['b', `127.0.0.1:${(other.address() as AddressInfo).port}`]]))
      await host.until('the refusal', () => host.callsOfType('refusedBy').length > 0)
      const { code, message } = host.callsOfType('refusedBy')[0]?.refusal ?? {}
      assert.equal(code, 'ERR_RAFT_PROTOCOL')
      assert.ok(message?.includes(expected), message)
      await a.close()
      other.close()
    }
  })
})

/** A client that writes bytes and keeps what it receives. */
class RawPeer {
  readonly socket: Socket
  readonly ended: Promise<void>
  readonly #received: Buffer[] = []

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (bytes) => this.#received.push(bytes))
    this.ended = new Promise((resolve) => socket.once('close', () => resolve()))
  }

  get text(): string {
    return Buffer.concat(this.#received).toString('latin1')
  }

  get bytes(): number {
    return this.text.length
  }

  write(buffers: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(buffers))
  }
}

/** A frame with an AppendEntriesRequest in whose block one bit is flipped. */
function damagedAppend(): Buffer {
  const bytes = Buffer.concat(encodeMessages([appendOfOneBlock()]))
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1)
  return bytes
}

/** Whatever is thrown at the port of a node: the node answers or hangs up, and goes on serving its peers. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import type { ClientDuplexStream } from '@grpc/grpc-js'
import { Client, credentials, status } from '@grpc/grpc-js'
import type { PeerMessage } from '../../../src/contracts/transport.ts'
import { GrpcTransport } from '../../../src/grpc/grpc-transport.ts'
import type { Frame } from '../../../src/grpc/peer/codec.ts'
import { decodeFrame, encodeFetchRequest, encodeFrame } from '../../../src/grpc/peer/codec.ts'
import { peerProto } from '../../../src/grpc/peer/peer-proto.ts'
import { encodeCommands } from '../../../src/log-format/block.ts'
import { RecordingHost } from '../../../src/testing/contracts/transport/recording-host.ts'

describe('a node under hostile bytes', () => {
  let node: GrpcTransport
  let host: RecordingHost
  let client: Client

  beforeEach(async () => {
    node = new GrpcTransport({
      listen: '127.0.0.1:0',
      handshakeTimeoutMs: 150,
      handshakesMax: 8,
      keepaliveTimeMs: 150,
      keepaliveTimeoutMs: 150,
      messageBytesMax: 1024 * 1024,
      refusalMemoryMs: 0,
    })
    host = new RecordingHost({ clusterId: 'test', nodeId: 'n1', directoryId: 'd1' })
    await node.start(host)
    client = new Client(node.address, credentials.createInsecure(), { 'grpc.max_send_message_length': -1 })
  })

  afterEach(async () => {
    try {
      const friend = new RawPeer(client, hello('friend'))
      await friend.until('messages', () => host.isConnected('friend'))
      friend.say({ type: 'messages', messages: [asking(77)] })
      await host.until('a message of a friend', () => host.callsOfType('receive').some(({ from }) => from === 'friend'))
      friend.call.cancel()
    } finally {
      client.close()
      await node.close()
    }
  })

  for (const { what, bytes } of [
    { what: 'noise', bytes: randomBytes(100_000) },
    { what: 'zeros', bytes: Buffer.alloc(100_000) },
    { what: 'an HTTP/1 request', bytes: Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n') },
    { what: 'a TLS greeting', bytes: Buffer.from('16030100ca010000c60303', 'hex') },
    { what: 'an HTTP/2 preface and noise', bytes: Buffer.concat([preface(), randomBytes(10_000)]) },
    {
      what: 'a frame that claims 16 MiB',
      bytes: Buffer.concat([preface(), Buffer.from('ffffff0000000000010a', 'hex')]),
    },
  ])
    it(`hangs up on ${what}`, async () => {
      await disconnected(node.address, bytes)
    })

  it('hangs up on who says nothing at all', async () => {
    await disconnected(node.address, Buffer.alloc(0))
  })

  it('gives up a stream that does not say who it is', async () => {
    const silent = new RawPeer(client)
    assert.equal((await silent.ended).code, status.DEADLINE_EXCEEDED)
  })

  it('waits for no more than so many greetings at a time', async () => {
    const callers = Array.from({ length: 20 }, () => new RawPeer(client))
    const codes = await Promise.all(callers.map(async ({ ended }) => (await ended).code))
    assert.equal(codes.filter((code) => code === status.RESOURCE_EXHAUSTED).length, 12)
  })

  for (const { what, bytes, says } of [
    { what: 'noise', bytes: Buffer.from('ffffffffffffffffff', 'hex'), says: /malformed/ },
    { what: 'nothing', bytes: Buffer.alloc(0), says: /not 0 of them/ },
    { what: 'much', bytes: Buffer.alloc(100_000), says: /100000 bytes instead of a greeting/ },
    { what: 'messages', bytes: encodeFrame({ type: 'messages', messages: [asking(1)] }), says: /messages before/ },
    { what: 'a refusal', bytes: encodeFrame({ type: 'refusal', refusal: { code: 'X', message: '' } }), says: /before/ },
  ])
    it(`turns away who greets with ${what}`, async () => {
      const caller = new RawPeer(client)
      caller.call.write(bytes)
      const { code, details } = await caller.ended
      assert.equal(code, status.INVALID_ARGUMENT)
      assert.match(details, says)
      assert.deepEqual(host.calls, [])
    })

  for (const { what, greeting, code } of [
    { what: 'speaks only a later version', greeting: { protocolMin: 2, protocolMax: 9 }, code: 'ERR_RAFT_PROTOCOL' },
    { what: 'means another node', greeting: { receiverId: 'n9' }, code: 'ERR_RAFT_NODE_MISMATCH' },
    { what: 'has this node’s own name', greeting: { nodeId: 'n1' }, code: 'ERR_RAFT_DUPLICATE_NODE' },
  ])
    it(`turns away who ${what}`, async () => {
      const caller = new RawPeer(client, { ...hello('n2'), ...greeting })
      assert.equal((await caller.ended).code, status.FAILED_PRECONDITION)
      const [frame] = caller.frames
      assert.ok(frame?.type === 'refusal')
      assert.equal(frame.refusal.code, code)
      assert.deepEqual(host.callsOfType('receive'), [])
    })

  for (const { what, bytes, says } of [
    { what: 'noise', bytes: Buffer.from('ffffffffffffffffff', 'hex'), says: /malformed/ },
    { what: 'a second greeting', bytes: encodeFrame({ type: 'hello', hello: hello('n2') }), says: /second greeting/ },
    { what: 'a block after a gap', bytes: encodeFrame({ type: 'messages', messages: [gap()] }), says: /6 is next/ },
  ])
    it(`breaks the link to a peer that sends ${what}, says so to both, and delivers nothing of it`, async () => {
      const caller = new RawPeer(client, hello('n2'))
      await host.until('a link', () => host.isConnected('n2'))
      caller.call.write(bytes)
      const { code, details } = await caller.ended
      assert.equal(code, status.INVALID_ARGUMENT)
      assert.match(details, says)
      assert.match(host.callsOfType('peerLost')[0]?.reason ?? '', /^ERR_RAFT_BAD_MESSAGE: /)
      assert.deepEqual(host.callsOfType('receive'), [])
      assert.equal(node.send('n2', asking(1)), false)
    })

  it('cuts off a peer that sends more than the largest message', async () => {
    const caller = new RawPeer(client, hello('n2'))
    await host.until('a link', () => host.isConnected('n2'))
    caller.call.write(Buffer.alloc(4 * 1024 * 1024))
    assert.equal((await caller.ended).code, status.RESOURCE_EXHAUSTED)
    await host.until('the loss', () => !host.isConnected('n2'))
  })

  it('lets a new stream of a peer take the place of one that died unnoticed', async () => {
    const former = new RawPeer(client, hello('n2'))
    await host.until('a link', () => host.isConnected('n2'))
    const latter = new RawPeer(client, hello('n2'))
    await former.ended
    await host.until('both', () => host.callsOfType('peerConnected').length === 2)
    assert.ok(node.send('n2', asking(5)))
    await latter.until('a message', () => latter.frames.some(({ type }) => type === 'messages'))
    latter.call.cancel()
    await host.until('the loss', () => !host.isConnected('n2'))
    assert.equal(host.callsOfType('peerLost').length, 2)
  })

  it('answers a malformed request for a snapshot', async () => {
    const requests = [
      { bytes: Buffer.from('ff', 'hex'), code: status.INVALID_ARGUMENT },
      {
        bytes: encodeFetchRequest({ hello: hello('n2'), id: '../../etc/passwd', offset: 0 }),
        code: status.INVALID_ARGUMENT,
      },
      { bytes: encodeFetchRequest({ hello: hello('n2'), id: 's1', offset: 0 }), code: status.INTERNAL },
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

  it('answers a method it does not have', async () => {
    const same = (bytes: Buffer): Buffer => bytes
    const error = await new Promise<{ code: number } | null>((resolve) =>
      client.makeUnaryRequest('/quorate.v1.Peer/Nope', same, same, Buffer.alloc(3), (failure) => resolve(failure)),
    )
    assert.equal(error?.code, status.UNIMPLEMENTED)
  })
})

/** A caller that speaks the protocol by hand. */
class RawPeer {
  readonly call: ClientDuplexStream<Buffer, Buffer>
  readonly frames: Frame[] = []
  readonly ended: Promise<{ readonly code: number; readonly details: string }>

  constructor(client: Client, greeting?: ReturnType<typeof hello>) {
    const { path, requestSerialize, responseDeserialize } = peerProto().link
    this.call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize)
    this.call.on('error', () => undefined)
    this.call.on('data', (bytes: Buffer) => this.frames.push(decodeFrame(bytes)))
    this.ended = new Promise((resolve) => this.call.once('status', resolve))
    if (greeting !== undefined) this.say({ type: 'hello', hello: greeting })
  }

  say(frame: Frame): void {
    this.call.write(encodeFrame(frame))
  }

  async until(what: string, isSo: () => boolean): Promise<void> {
    for (let waited = 0; !isSo(); waited += 5) {
      assert.ok(waited < 5000, `waited in vain for ${what}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
}

function hello(nodeId: string) {
  return {
    clusterId: 'test',
    nodeId,
    directoryId: `disk-of-${nodeId}`,
    receiverId: 'n1',
    address: '127.0.0.1:1',
    protocolMin: 1,
    protocolMax: 1,
  }
}

function asking(read: number): PeerMessage {
  return { type: 'ReadIndexRequest', term: 1, read }
}

function gap(): PeerMessage {
  const head = { term: 2, prevIndex: 5, prevTerm: 1, commitIndex: 3, round: 1, session: 0 }
  return { type: 'AppendEntriesRequest', ...head, blocks: [encodeCommands(9, 2, [new Uint8Array(3)])] }
}

function preface(): Buffer {
  return Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
}

/** Resolves when the node has ended the connection. */
function disconnected(address: string, bytes: Buffer): Promise<void> {
  const socket = connect(Number(address.split(':')[1]), '127.0.0.1')
  socket.on('error', () => undefined)
  socket.resume()
  socket.write(bytes)
  return new Promise((resolve) => socket.once('close', () => resolve()))
}

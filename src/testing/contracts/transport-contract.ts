/** What every transport must do, as tests: call it with your runner's `describe` and `it` and a way to make a network. */
import assert from 'node:assert/strict'
import { encodeCommands, payloadsOf } from '../../contracts/block.ts'
import type { PeerMessage, Transport } from '../../contracts/transport.ts'
import { messageBytes } from '../../contracts/transport.ts'
import type { NodeId } from '../../core/types.ts'
import { isRaftError, RaftError } from '../../errors.ts'
import { RecordingHost } from './recording-host.ts'
import { SAMPLE_MESSAGES } from './sample-messages.ts'

/** A network that a test can break. */
export interface TransportWorld {
  /** A new transport, not yet started. */
  create(id: NodeId): Transport
  /** The address under which `from` is to look for `to`; asked once both are started. */
  route(from: NodeId, to: NodeId): string | Promise<string>
  /** Breaks the routes between two nodes, in both directions, until `heal`. */
  cut(one: NodeId, other: NodeId): void | Promise<void>
  heal(one: NodeId, other: NodeId): void | Promise<void>
  /** The most bytes a transport of this world takes for one peer before it drops. */
  readonly windowBytes: number
  close(): Promise<void>
}

export interface TransportContract {
  readonly describe: (name: string, body: () => void) => void
  readonly it: (name: string, body: () => Promise<void>) => void
  /** Transports of this world ask again soon after a refusal: within a second. */
  readonly make: () => TransportWorld | Promise<TransportWorld>
}

export function transportContract({ describe, it, make }: TransportContract): void {
  /** Runs a test on a fresh network, and takes it down whatever happens. */
  const on = (name: string, body: (net: Net) => Promise<void>): void =>
    it(name, async () => {
      const net = new Net(await make())
      try {
        await body(net)
      } finally {
        await net.close()
      }
    })
  describe('the transport contract', () => {
    describe('messages', () => messages(on))
    describe('links', () => links(on))
    describe('admission', () => admission(on))
    describe('snapshots', () => snapshots(on))
    describe('closing', () => closing(on))
  })
}

type On = (name: string, body: (net: Net) => Promise<void>) => void

function messages(on: On): void {
  on('delivers each kind of message as it was sent', async (net) => {
    const [a, b] = await net.pair()
    for (const message of SAMPLE_MESSAGES) assert.equal(a.transport.send('b', message), true)
    await b.host.until('every message', () => b.host.received.length === SAMPLE_MESSAGES.length)
    assert.deepEqual(b.host.received.map(plain), SAMPLE_MESSAGES.map(plain))
  })

  on('keeps the order of each direction', async (net) => {
    const [a, b] = await net.pair()
    for (let read = 0; read < 3000; read++) {
      a.transport.send('b', asking(read))
      b.transport.send('a', asking(read))
      if (read % 500 === 0) await turn()
    }
    const expected = Array.from({ length: 3000 }, (_, read) => asking(read))
    for (const { host } of [a, b]) {
      await host.until('3000 messages', () => host.received.length === 3000)
      assert.deepEqual(host.received, expected)
    }
  })

  on('carries a message of megabytes unharmed', async (net) => {
    const [a, b] = await net.pair()
    const command = new Uint8Array(4 * 1024 * 1024).map((_, offset) => (offset * 7 + (offset >> 8)) & 255)
    assert.equal(a.transport.send('b', appending(command)), true)
    await b.host.until('the message', () => b.host.received.length === 1)
    const [large] = b.host.received
    assert.ok(large?.type === 'AppendEntriesRequest' && large.blocks[0] !== undefined)
    assert.ok(Buffer.from(command).equals(payloadsOf(large.blocks[0])[0] as Uint8Array))
  })

  on('delivers nothing inside send', async (net) => {
    const [a, b] = await net.pair()
    const before = [a.host.calls.length, b.host.calls.length]
    for (let read = 0; read < 100; read++) a.transport.send('b', asking(read))
    assert.deepEqual([a.host.calls.length, b.host.calls.length], before)
    await b.host.until('the messages', () => b.host.received.length === 100)
  })

  on('takes no more than its window of bytes, drops the rest and says so, then takes again', async (net) => {
    const [a, b] = await net.pair()
    const message = appending(new Uint8Array(net.world.windowBytes / 8))
    const taken = sendUntilFull(a.transport, message)
    assert.ok(taken >= 7 && taken <= 8, `${taken} messages of an eighth of the window were taken`)
    await b.host.until('what was taken', () => b.host.received.length === taken)
    await eventually('room in the window', () => a.transport.send('b', message))
    await b.host.until('one more', () => b.host.received.length === taken + 1)
  })

  on('takes one message that is larger than its window, alone', async (net) => {
    const [a, b] = await net.pair()
    const message = appending(new Uint8Array(net.world.windowBytes + 1))
    assert.equal(a.transport.send('b', message), true)
    assert.equal(a.transport.send('b', asking(1)), false)
    await b.host.until('the large message', () => b.host.received.length === 1)
  })

  on('bounds small messages too', async (net) => {
    const [a, b] = await net.pair()
    const most = net.world.windowBytes / messageBytes(asking(1))
    const taken = sendUntilFull(a.transport, asking(1))
    assert.ok(taken <= most, `${taken} messages were taken, ${most} fill the window`)
    await b.host.until('what was taken', () => b.host.received.length === taken)
  })

  on('drops what is for a stranger', async (net) => {
    const [a] = await net.pair()
    assert.equal(a.transport.send('nobody', asking(1)), false)
  })
}

function links(on: On): void {
  on('says whom it is connected to, on both ends', async (net) => {
    const [a, b] = await net.pair()
    assert.deepEqual(a.host.all('peerConnected')[0], { type: 'peerConnected', peer: 'b' })
    assert.deepEqual(b.host.all('peerConnected')[0], { type: 'peerConnected', peer: 'a' })
  })

  on('connects whichever end is there first', async (net) => {
    const a = await net.start('a')
    a.transport.setPeers(new Map([['b', await net.world.route('a', 'a')]]))
    const b = await net.start('b')
    await net.introduce(a, b)
    await net.connected(a, b)
  })

  on('answers a peer whose address it does not know', async (net) => {
    const [a, b] = [await net.start('a'), await net.start('b')]
    a.transport.setPeers(new Map([['b', await net.world.route('a', 'b')]]))
    await net.connected(a, b)
    a.transport.send('b', asking(1))
    await b.host.until('the question', () => b.host.received.length === 1)
    assert.equal(b.transport.send('a', asking(2)), true)
    await a.host.until('the answer', () => a.host.received.length === 1)
  })

  on('tells of a lost link, drops meanwhile, and comes back by itself', async (net) => {
    const [a, b] = await net.pair()
    await net.world.cut('a', 'b')
    for (const [one, other] of [
      [a, 'b'],
      [b, 'a'],
    ] as const) {
      await one.host.until('the loss', () => !one.host.isConnected(other))
      assert.equal(one.transport.send(other, asking(1)), false)
    }
    await net.world.heal('a', 'b')
    await net.connected(a, b)
    assert.equal(a.transport.send('b', asking(2)), true)
    await b.host.until('a message', () => b.host.received.length === 1)
    assert.deepEqual(b.host.received, [asking(2)])
  })

  on('comes back to a peer that was closed and started again', async (net) => {
    const [a, b] = await net.pair()
    await b.transport.close()
    await a.host.until('the loss', () => !a.host.isConnected('b'))
    const again = await net.start('b')
    await net.introduce(a, again)
    await net.connected(a, again)
    again.transport.send('a', asking(3))
    await a.host.until('a message', () => a.host.received.length === 1)
  })

  on('closes the link to who is no peer any more', async (net) => {
    const [a, b] = await net.pair()
    b.host.refuse = () => ({ code: 'ERR_RAFT_REMOVED', message: 'a is not a member' })
    b.transport.setPeers(new Map())
    for (const [{ host }, peer] of [
      [a, 'b'],
      [b, 'a'],
    ] as const)
      await host.until('the end of the link', () => !host.isConnected(peer))
    assert.equal(b.transport.send('a', asking(1)), false)
  })
}

function admission(on: On): void {
  on('shows each end the identity of the other before anything is delivered', async (net) => {
    const [a, b] = await net.pair()
    a.transport.send('b', asking(1))
    await b.host.until('a message', () => b.host.received.length === 1)
    const seen = b.host.calls.filter((call) => call.type === 'admit' || call.type === 'receive')
    assert.deepEqual(seen[0], { type: 'admit', peer: a.host.identity })
    assert.deepEqual(a.host.all('admit')[0]?.peer, b.host.identity)
  })

  for (const { refusing, asking: asked } of [
    { refusing: 'b', asking: 'a' },
    { refusing: 'a', asking: 'b' },
  ] as const)
    on(
      `tells who was turned away why, when it is the ${refusing === 'a' ? 'calling' : 'called'} end that refuses`,
      async (net) => {
        const nodes = { a: await net.start('a'), b: await net.start('b') }
        const refusal = { code: 'ERR_RAFT_CLUSTER_MISMATCH', message: 'this is cluster blue, not green' }
        nodes[refusing].host.refuse = () => refusal
        nodes.a.transport.setPeers(new Map([['b', await net.world.route('a', 'b')]]))
        const { host, transport } = nodes[asked]
        await host.until('the refusal', () => host.all('refusedBy').length > 0)
        assert.deepEqual(host.all('refusedBy')[0], { type: 'refusedBy', peer: refusing, refusal })
        transport.send(refusing, asking(1))
        await turn()
        assert.deepEqual(nodes[refusing].host.received, [])
        nodes[refusing].host.refuse = () => undefined
        await net.connected(nodes.a, nodes.b)
      },
    )

  on('does not take another node behind an address for the one it looks for', async (net) => {
    const [a] = [await net.start('a'), await net.start('b')]
    a.transport.setPeers(new Map([['c', await net.world.route('a', 'b')]]))
    await a.host.until('the refusal', () => a.host.all('refusedBy').length > 0)
    assert.equal(a.host.all('refusedBy')[0]?.refusal.code, 'ERR_RAFT_NODE_MISMATCH')
    assert.equal(a.transport.send('c', asking(1)), false)
  })
}

const MIB = 1024 * 1024

function snapshots(on: On): void {
  on('fetches a snapshot from the offset that is asked for', async (net) => {
    const [a, b] = await net.pair()
    const file = new Uint8Array(3 * MIB + 17).map((_, offset) => (offset ^ (offset >> 9)) & 255)
    b.host.snapshot = (_, offset) => pieces(file.subarray(offset), 700_001)
    for (const offset of [0, MIB + 1, file.length]) {
      const got = await collect(a.transport.fetchSnapshot('b', 's1', offset, new AbortController().signal))
      assert.ok(got.equals(file.subarray(offset)), `from ${offset}: ${got.length} bytes`)
    }
  })

  on('reads no further ahead than a window while the taker is slow', async (net) => {
    const [a, b] = await net.pair()
    let read = 0
    b.host.snapshot = async function* () {
      for (; read < 64 * MIB; read += MIB / 4) yield new Uint8Array(MIB / 4)
    }
    const chunks = a.transport.fetchSnapshot('b', 's1', 0, new AbortController().signal)[Symbol.asyncIterator]()
    await chunks.next()
    await pause(300)
    assert.ok(read < 24 * MIB, `${read / MIB} MiB were read ahead`)
    await chunks.return?.()
  })

  on('says that a snapshot is gone', async (net) => {
    const [a, b] = await net.pair()
    b.host.snapshot = async function* () {
      yield* []
      throw new RaftError('ERR_RAFT_SNAPSHOT_GONE', 'no such snapshot')
    }
    await rejects(
      collect(a.transport.fetchSnapshot('b', 'old', 0, new AbortController().signal)),
      'ERR_RAFT_SNAPSHOT_GONE',
    )
  })

  on('ends a fetch that is aborted with the reason, and the reading too', async (net) => {
    const [a, b] = await net.pair()
    let isRead = true
    b.host.snapshot = async function* () {
      try {
        for (;;) yield new Uint8Array(MIB / 16)
      } finally {
        isRead = false
      }
    }
    const controller = new AbortController()
    const reason = new Error('enough')
    const fetching = collect(a.transport.fetchSnapshot('b', 's1', 0, controller.signal), () => controller.abort(reason))
    await assert.rejects(fetching, reason)
    await eventually('the end of the reading', () => !isRead)
    await assert.rejects(collect(a.transport.fetchSnapshot('b', 's1', 0, controller.signal)), reason)
  })

  on('ends a fetch with a RaftError when the link breaks', async (net) => {
    const [a, b] = await net.pair()
    b.host.snapshot = async function* () {
      for (;;) yield new Uint8Array(MIB / 16)
    }
    let isCut = false
    const fetching = collect(a.transport.fetchSnapshot('b', 's1', 0, new AbortController().signal), () => {
      if (!isCut) void net.world.cut('a', 'b')
      isCut = true
    })
    await rejects(fetching, 'ERR_RAFT_UNREACHABLE')
  })

  on('ends a fetch with a RaftError when the source fails', async (net) => {
    const [a, b] = await net.pair()
    b.host.snapshot = async function* () {
      yield new Uint8Array(10)
      throw new Error('the disk is broken')
    }
    await rejects(
      collect(a.transport.fetchSnapshot('b', 's1', 0, new AbortController().signal)),
      'ERR_RAFT_UNREACHABLE',
    )
  })

  on('hands no snapshot to who is not admitted', async (net) => {
    const [a, b] = await net.pair()
    b.host.snapshot = () => pieces(new Uint8Array(10), 10)
    b.host.refuse = () => ({ code: 'ERR_RAFT_REMOVED', message: 'a is not a member any more' })
    await rejects(collect(a.transport.fetchSnapshot('b', 's1', 0, new AbortController().signal)), 'ERR_RAFT_REMOVED')
  })

  on('cannot fetch from whom it cannot reach', async (net) => {
    const a = await net.start('a')
    await rejects(
      collect(a.transport.fetchSnapshot('b', 's1', 0, new AbortController().signal)),
      'ERR_RAFT_UNREACHABLE',
    )
  })
}

function closing(on: On): void {
  on('closes before it was started, and twice', async (net) => {
    const transport = net.world.create('a')
    await Promise.all([transport.close(), transport.close()])
    await transport.close()
    await assert.rejects(transport.start(new RecordingHost(identityOf('a'))), (error) => isRaftError(error))
  })

  on('does nothing before the start', async (net) => {
    const transport = net.world.create('a')
    assert.equal(transport.send('b', asking(1)), false)
    await transport.close()
  })

  on('closes while it connects', async (net) => {
    const [a, b] = [await net.start('a'), await net.start('b')]
    a.transport.setPeers(new Map([['b', await net.world.route('a', 'b')]]))
    await a.transport.close()
    await net.isQuiet(a.host)
    await b.transport.close()
  })

  on('tells its host nothing once it is closed, however much is under way', async (net) => {
    const [a, b] = await net.pair()
    for (let read = 0; read < 2000; read++) a.transport.send('b', asking(read))
    await turn()
    await b.transport.close()
    const known = b.host.calls.length
    for (let read = 0; read < 100; read++) {
      a.transport.send('b', asking(read))
      await turn()
    }
    await pause(50)
    assert.equal(b.host.calls.length, known)
    assert.equal(b.transport.send('a', asking(1)), false)
    await a.host.until('the loss', () => !a.host.isConnected('b'))
  })

  on('ends what is being fetched', async (net) => {
    const [a, b] = await net.pair()
    b.host.snapshot = async function* () {
      for (;;) yield new Uint8Array(MIB / 16)
    }
    const fetching = collect(
      a.transport.fetchSnapshot('b', 's1', 0, new AbortController().signal),
      () => void a.transport.close(),
    )
    await rejects(fetching, 'ERR_RAFT_CLOSED')
    await rejects(collect(a.transport.fetchSnapshot('b', 's1', 0, new AbortController().signal)), 'ERR_RAFT_CLOSED')
  })

  on('lets go of the snapshots it sends', async (net) => {
    const [a, b] = await net.pair()
    let isRead = true
    b.host.snapshot = async function* () {
      try {
        for (;;) yield new Uint8Array(MIB / 16)
      } finally {
        isRead = false
      }
    }
    const closed: Promise<void>[] = []
    const fetching = collect(a.transport.fetchSnapshot('b', 's1', 0, new AbortController().signal), () => {
      if (closed.length === 0) closed.push(b.transport.close())
    })
    await rejects(fetching, 'ERR_RAFT_UNREACHABLE')
    await closed[0]
    await eventually('the end of the reading', () => !isRead)
  })
}

interface Node {
  readonly id: NodeId
  readonly transport: Transport
  readonly host: RecordingHost
}

/** A world and the nodes a test has started in it. */
class Net {
  readonly world: TransportWorld
  readonly #nodes: Node[] = []

  constructor(world: TransportWorld) {
    this.world = world
  }

  async start(id: NodeId): Promise<Node> {
    const node = { id, transport: this.world.create(id), host: new RecordingHost(identityOf(id)) }
    this.#nodes.push(node)
    await node.transport.start(node.host)
    return node
  }

  /** Two nodes that know and have found each other. */
  async pair(): Promise<[Node, Node]> {
    const [a, b] = [await this.start('a'), await this.start('b')]
    await this.introduce(a, b)
    await this.connected(a, b)
    return [a, b]
  }

  async introduce(one: Node, other: Node): Promise<void> {
    one.transport.setPeers(new Map([[other.id, await this.world.route(one.id, other.id)]]))
    other.transport.setPeers(new Map([[one.id, await this.world.route(other.id, one.id)]]))
  }

  async connected(one: Node, other: Node): Promise<void> {
    await one.host.until(`a link to ${other.id}`, () => one.host.isConnected(other.id))
    await other.host.until(`a link to ${one.id}`, () => other.host.isConnected(one.id))
  }

  /** Nothing is told to this host for a while. */
  async isQuiet(host: RecordingHost): Promise<void> {
    const known = host.calls.length
    await pause(50)
    assert.equal(host.calls.length, known)
  }

  async close(): Promise<void> {
    await Promise.all(this.#nodes.map(({ transport }) => transport.close()))
    await this.world.close()
  }
}

function identityOf(nodeId: NodeId) {
  return { clusterId: 'test cluster', nodeId, directoryId: `disk-of-${nodeId}` }
}

function asking(read: number): PeerMessage {
  return { type: 'ReadIndexRequest', term: 1, read }
}

function appending(command: Uint8Array): PeerMessage {
  const head = { term: 2, prevIndex: 4, prevTerm: 1, commitIndex: 3, round: 1, session: 0 }
  return { type: 'AppendEntriesRequest', ...head, blocks: [encodeCommands(5, 2, [command])] }
}

/** Sends in one turn until a message is dropped; says how many were taken. */
function sendUntilFull(transport: Transport, message: PeerMessage): number {
  let taken = 0
  while (transport.send('b', message)) taken++
  return taken
}

/** A message with its bytes made comparable: whether a Buffer or not does not count. */
function plain(message: PeerMessage): unknown {
  if (message.type !== 'AppendEntriesRequest') return message
  return { ...message, blocks: message.blocks.map((block) => ({ ...block, bytes: Array.from(block.bytes) })) }
}

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size)
}

async function collect(chunks: AsyncIterable<Uint8Array>, onChunk: () => void = () => undefined): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) {
    parts.push(chunk)
    onChunk()
  }
  return Buffer.concat(parts)
}

async function rejects(promise: Promise<unknown>, code: RaftError['code']): Promise<void> {
  await assert.rejects(
    promise,
    (error) => isRaftError(error, code) || assert.fail(`${code} expected, not ${String(error)}`),
  )
}

async function eventually(what: string, isSo: () => boolean): Promise<void> {
  for (let waited = 0; !isSo(); waited += 5) {
    assert.ok(waited < 8000, `waited in vain for ${what}`)
    await pause(5)
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

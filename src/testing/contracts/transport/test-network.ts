/** A network with nodes on it, and the words the transport contract is told in. */
import assert from 'node:assert/strict'
import type { PeerIdentity, PeerMessage, Transport } from '../../../contracts/transport.ts'
import type { NodeId } from '../../../core/types.ts'
import type { RaftError } from '../../../errors.ts'
import { isRaftError } from '../../../errors.ts'
import { encodeCommands } from '../../../log-format/block.ts'
import { RecordingHost } from './recording-host.ts'

/** A network that a test can break. */
export interface TransportFixture {
  /** A new transport, not yet started. */
  createTransport(id: NodeId): Transport
  /** The address under which `from` is to look for `to`; asked once both are started. */
  addressFor(from: NodeId, to: NodeId): string | Promise<string>
  /** Breaks the routes between two nodes, in both directions, until `heal`. */
  cut(one: NodeId, other: NodeId): void | Promise<void>
  heal(one: NodeId, other: NodeId): void | Promise<void>
  /** The most bytes a transport of this world takes for one peer before it drops. */
  readonly windowBytes: number
  /** From now on nothing gets through between two nodes, in either direction, and nobody is told, until `resume`. */
  stall?(one: NodeId, other: NodeId): void | Promise<void>
  resume?(one: NodeId, other: NodeId): void | Promise<void>
  /** The largest message a transport of this world sends, in bytes as `messageBytes` counts them; at least 5 MiB. */
  readonly messageBytesMax?: number
  /** Opens a connection to a node, as anybody could, sends it these bytes, and closes it; resolves when it is closed. */
  sendRaw?(to: NodeId, bytes: Uint8Array): Promise<void>
  /** Changes one bit in the middle of the next 16 KiB or more that go from one node to another at once. */
  corrupt?(from: NodeId, to: NodeId): void | Promise<void>
  /** Puts bytes into the middle of what one node sends to another. */
  inject?(from: NodeId, to: NodeId, bytes: Uint8Array): void | Promise<void>
  close(): Promise<void>
}

/** Defines a test on a fresh network. */
export type TransportTest = (name: string, body: (network: TestNetwork) => Promise<void>) => void

export const MIB: number = 1024 * 1024

export interface StartedNode {
  readonly id: NodeId
  readonly transport: Transport
  readonly host: RecordingHost
}

/** A world and the nodes a test has started in it. */
export class TestNetwork {
  readonly fixture: TransportFixture
  readonly #timeoutMs: number
  readonly #nodes: StartedNode[] = []

  constructor(fixture: TransportFixture, timeoutMs: number) {
    this.fixture = fixture
    this.#timeoutMs = timeoutMs
  }

  createHost(id: NodeId): RecordingHost {
    return new RecordingHost(identityOf(id), this.#timeoutMs)
  }

  async startNode(id: NodeId): Promise<StartedNode> {
    const node = { id, transport: this.fixture.createTransport(id), host: this.createHost(id) }
    this.#nodes.push(node)
    await node.transport.start(node.host)
    return node
  }

  /** Two nodes that know and have found each other. */
  async connectedPair(): Promise<[StartedNode, StartedNode]> {
    const [a, b] = [await this.startNode('a'), await this.startNode('b')]
    await this.exchangeAddresses(a, b)
    await this.untilConnected(a, b)
    return [a, b]
  }

  async exchangeAddresses(one: StartedNode, other: StartedNode): Promise<void> {
    one.transport.setPeers(new Map([[other.id, await this.fixture.addressFor(one.id, other.id)]]))
    other.transport.setPeers(new Map([[one.id, await this.fixture.addressFor(other.id, one.id)]]))
  }

  async untilConnected(one: StartedNode, other: StartedNode): Promise<void> {
    await one.host.until(`a link to ${other.id}`, () => one.host.isConnected(other.id))
    await other.host.until(`a link to ${one.id}`, () => other.host.isConnected(one.id))
  }

  async eventually(what: string, isSo: () => boolean): Promise<void> {
    for (let waited = 0; !isSo(); waited += 5) {
      assert.ok(waited < this.#timeoutMs, `waited in vain for ${what}`)
      await pause(5)
    }
  }

  /** Nothing is told to this host for a while. */
  async assertQuiet(host: RecordingHost): Promise<void> {
    const known = host.calls.length
    await pause(50)
    assert.equal(host.calls.length, known)
  }

  async close(): Promise<void> {
    await Promise.all(this.#nodes.map(({ transport }) => transport.close()))
    await this.fixture.close()
  }
}

export function identityOf(nodeId: NodeId): PeerIdentity {
  return { clusterId: 'test cluster', nodeId, directoryId: `disk-of-${nodeId}` }
}

export function readIndexRequest(read: number): PeerMessage {
  return { type: 'ReadIndexRequest', term: 1, read }
}

export function appendEntriesRequest(command: Uint8Array): PeerMessage {
  const head = { term: 2, prevIndex: 4, prevTerm: 1, commitIndex: 3, round: 1, session: 0 }
  return { type: 'AppendEntriesRequest', ...head, blocks: [encodeCommands(5, 2, [command])] }
}

/** Sends in one turn until a message is dropped, or more than `most` were taken; says how many were. */
export function sendUntilFull(transport: Transport, message: PeerMessage, most: number): number {
  let taken = 0
  while (taken <= most && transport.send('b', message)) taken++
  return taken
}

/** A message with its bytes made comparable: whether a Buffer or not does not count. */
export function comparable(message: PeerMessage): unknown {
  if (message.type !== 'AppendEntriesRequest') return message
  return { ...message, blocks: message.blocks.map((block) => ({ ...block, bytes: Array.from(block.bytes) })) }
}

export async function* splitIntoChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size)
}

/** A snapshot that is long enough to be broken off anywhere, and ends all the same: whoever reads on forever is caught. */
export async function* longSnapshot(onEnd: () => void = () => undefined): AsyncGenerator<Uint8Array> {
  const piece = new Uint8Array(MIB / 16)
  try {
    for (let read = 0; read < 64 * MIB; read += piece.length) yield piece
  } finally {
    onEnd()
  }
}

export async function collect(
  chunks: AsyncIterable<Uint8Array>,
  onChunk: () => void = () => undefined,
): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) {
    parts.push(chunk)
    onChunk()
  }
  return Buffer.concat(parts)
}

export async function assertRejects(promise: Promise<unknown>, code: RaftError['code']): Promise<void> {
  await assert.rejects(
    promise,
    (error) => isRaftError(error, code) || assert.fail(`${code} expected, not ${String(error)}`),
  )
}

export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

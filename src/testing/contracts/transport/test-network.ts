/** The network of a check: a fixture with the nodes, sample messages and assertions of the checks. */
import assert from 'node:assert/strict'
import type { PeerIdentity, PeerMessage, Transport } from '../../../contracts/transport.ts'
import { PROTOCOL_MAX } from '../../../contracts/transport.ts'
import type { NodeId } from '../../../core/types.ts'
import type { RaftError } from '../../../errors.ts'
import { isRaftError } from '../../../errors.ts'
import { encodeCommands } from '../../../log-format/block.ts'
import { describeCall } from './host-call.ts'
import type { NetworkTrace } from './network-trace.ts'
import { recordingFixture, recordingTransport } from './network-trace.ts'
import { RecordingHost } from './recording-host.ts'
import type { TransportFixture } from './transport-fixture.ts'

/** Defines a check with a fresh network. */
export type TransportTest = (name: string, body: (network: TestNetwork) => Promise<void>) => void

export const MIB: number = 1024 * 1024

/** A started transport and its host. */
export interface StartedNode {
  readonly id: NodeId
  readonly transport: Transport
  readonly host: RecordingHost
}

/** A fixture, and the nodes that a check has started in it. */
export class TestNetwork {
  readonly fixture: TransportFixture
  readonly timeoutMs: number
  readonly trace: NetworkTrace
  readonly #nodes: StartedNode[] = []
  #closed: Promise<void> | undefined

  constructor(fixture: TransportFixture, timeoutMs: number, trace: NetworkTrace) {
    this.fixture = recordingFixture(fixture, trace)
    this.timeoutMs = timeoutMs
    this.trace = trace
  }

  createHost(id: NodeId): RecordingHost {
    const host = new RecordingHost(identityOf(id), this.timeoutMs)
    host.onRecord = (call) => this.trace.add(`${id} ${describeCall(call)}`)
    return host
  }

  /** A transport that is not started. */
  async createTransport(id: NodeId): Promise<Transport> {
    return recordingTransport(id, await this.fixture.createTransport(id), this.trace)
  }

  async startNode(id: NodeId): Promise<StartedNode> {
    const node = { id, transport: await this.createTransport(id), host: this.createHost(id) }
    this.#nodes.push(node)
    await node.transport.start(node.host)
    return node
  }

  /** Starts two nodes and connects them. */
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

  async eventually(what: string, condition: () => boolean): Promise<void> {
    for (let waited = 0; !condition(); waited += 5) {
      assert.ok(waited < this.timeoutMs, `timed out waiting for ${what}`)
      await pause(5)
    }
  }

  /** Asserts that this host is not called for 50 ms. */
  async assertQuiet(host: RecordingHost): Promise<void> {
    const known = host.calls.length
    await pause(50)
    assert.equal(host.calls.length, known)
  }

  /** Closes every node and the fixture, once. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    await Promise.all(this.#nodes.map(({ transport }) => transport.close()))
    await this.fixture.close()
  }
}

export function identityOf(nodeId: NodeId): PeerIdentity {
  const boot = { number: 3, id: `boot-of-${nodeId}`, earlier: ['second', 'first'] }
  const versions = { protocol: PROTOCOL_MAX, machineVersion: 3 }
  return { clusterId: 'test cluster', nodeId, directoryId: `disk-of-${nodeId}`, boot, ...versions, leaderPriority: 2 }
}

export function readIndexRequest(read: number): PeerMessage {
  return { type: 'ReadIndexRequest', term: 1, read }
}

export function appendEntriesRequest(command: Uint8Array): PeerMessage {
  const head = { term: 2, prevIndex: 4, prevTerm: 1, prevChain: 8, commitIndex: 3, round: 1, session: 0 }
  return { type: 'AppendEntriesRequest', ...head, blocks: [encodeCommands(5, 2, [command])] }
}

/** Sends in one turn until a message is dropped or more than `most` are accepted. Returns the number accepted. */
export function sendUntilFull(transport: Transport, message: PeerMessage, most: number): number {
  let accepted = 0
  while (accepted <= most && transport.send('b', message)) accepted++
  return accepted
}

/** A message in a form for deepEqual: a Buffer and a Uint8Array with the same bytes are equal. */
export function comparable(message: PeerMessage): unknown {
  if (message.type !== 'AppendEntriesRequest') return message
  return { ...message, blocks: message.blocks.map((block) => ({ ...block, bytes: Array.from(block.bytes) })) }
}

export async function* splitIntoChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size)
}

/** A snapshot long enough to be interrupted at any point, but finite, so that a transport that never stops reading is detected. */
export async function* longSnapshot(onEnd: () => void = () => undefined): AsyncGenerator<Uint8Array> {
  const chunk = new Uint8Array(MIB / 16)
  try {
    for (let read = 0; read < 64 * MIB; read += chunk.length) yield chunk
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

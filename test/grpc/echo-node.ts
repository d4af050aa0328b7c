/** A node that echoes requests, served on loopback with both services, with its calls recorded; and the disposal of all of it. */
import { EventEmitter, once } from 'node:events'
import type {
  Applied,
  CallOptions,
  ChangeBatch,
  ChangesOptions,
  NodeService,
  NodeStatus,
  ProposeOptions,
  ReadOptions,
} from '../../src/contracts/node-service.ts'
import type { RegisteredSession } from '../../src/contracts/session.ts'
import type { MembershipChange } from '../../src/core/inputs.ts'
import type { NodeId, SnapshotInfo } from '../../src/core/types.ts'
import type { GrpcClientOptions } from '../../src/grpc/client/client-channel.ts'
import { GrpcClientChannel } from '../../src/grpc/client/client-channel.ts'
import { GrpcServer } from '../../src/grpc/grpc-server.ts'
import { adminService } from '../../src/grpc/service/admin-service.ts'
import type { ClientServiceOptions } from '../../src/grpc/service/client-service.ts'
import { clientService } from '../../src/grpc/service/client-service.ts'
import { statusOf } from '../client/scripted-cluster.ts'

type Call = ProposeOptions & ReadOptions & { readonly to?: NodeId | undefined }

/** Echoes each request unless the test replaces a method. */
export class EchoNode implements NodeService {
  readonly calls: { readonly kind: string; readonly options: Call; readonly what: unknown }[] = []
  propose: (command: Uint8Array, options: CallOptions) => Promise<Applied> = async (command) => ({
    index: this.calls.length,
    term: 3,
    result: command,
  })
  query: (query: Uint8Array, options: CallOptions) => Promise<Uint8Array> = async (query) => query
  change: () => Promise<{ readonly index: number }> = async () => ({ index: 5 })
  readonly #callEvents = new EventEmitter()
  report: NodeStatus = statusOf('n1', { leader: 'n1', term: 3, ids: ['n1', 'n2'], membershipIndex: 4 })

  proposeBytes(command: Uint8Array, options: ProposeOptions = {}): Promise<Applied> {
    this.#record('propose', options, Buffer.from(command))
    return this.propose(command, options)
  }

  async registerSession(options: CallOptions = {}): Promise<RegisteredSession> {
    this.#record('register', options, undefined)
    return { id: 11, clusterId: 'test' }
  }

  async queryBytes(query: Uint8Array, options: Call = {}) {
    this.#record('query', options, Buffer.from(query))
    return { answer: await this.query(query, options), appliedIndex: 8, term: 3 }
  }

  changes: (options: ChangesOptions) => AsyncIterable<ChangeBatch> = async function* () {}

  changesBytes(options: ChangesOptions = {}): AsyncIterable<ChangeBatch> {
    return this.changes(options)
  }

  async status(): Promise<NodeStatus> {
    return this.report
  }

  changeMembership(change: MembershipChange, options: CallOptions = {}): Promise<{ readonly index: number }> {
    this.#record('change', options, change)
    return this.change()
  }

  async transferLeadership(options: Call = {}): Promise<{ readonly leader: NodeId | undefined }> {
    this.#record('transfer', options, options.to)
    return { leader: options.to }
  }

  async readSnapshot(id: string, offset: number): Promise<Uint8Array> {
    return Buffer.from(`${id}@${offset}`)
  }

  async takeSnapshot(options: CallOptions = {}): Promise<SnapshotInfo> {
    this.#record('snapshot', options, undefined)
    return { id: 's1', index: 8, term: 3, chain: 9, membership: this.report.membership, size: 2 ** 40 }
  }

  count(kind: string): number {
    return this.calls.filter((call) => call.kind === kind).length
  }

  /** Waits for `count` calls of this kind; resolves with the options of the first. */
  async waitForCalls(kind: string, count = 1): Promise<Call> {
    while (this.count(kind) < count) await once(this.#callEvents, 'call')
    return (this.calls.find((call) => call.kind === kind) as { readonly options: Call }).options
  }

  #record(kind: string, options: Call, what: unknown): void {
    this.calls.push({ kind, options, what })
    this.#callEvents.emit('call')
  }
}

/** Resolves once the caller has cancelled the call. */
export async function aborted({ signal }: Call): Promise<void> {
  if (signal !== undefined && !signal.aborted) await once(signal, 'abort')
}

const disposals: (() => Promise<unknown>)[] = []

/** Closes everything that `serve` and `channelTo` have opened since the last call. */
export async function disposeAll(): Promise<void> {
  for (const dispose of disposals.splice(0).reverse()) await dispose()
}

export function disposeLater(dispose: () => Promise<unknown>): void {
  disposals.push(dispose)
}

export async function serve(
  node: NodeService = new EchoNode(),
  options: ClientServiceOptions & { readonly listen?: string } = {},
): Promise<GrpcServer> {
  const { listen = '127.0.0.1:0', ...limits } = options
  const server = new GrpcServer({ listen, shutdownGraceMs: 200 })
  for (const service of [clientService(node, limits), adminService(node, limits)]) {
    server.addService(service.definition, service.implementation)
    server.beforeClose(service.end)
  }
  await server.start()
  disposeLater(() => server.close())
  return server
}

export function channelTo(address: string, options: GrpcClientOptions = {}): GrpcClientChannel {
  const channel = new GrpcClientChannel(address, options)
  disposeLater(() => channel.close())
  return channel
}

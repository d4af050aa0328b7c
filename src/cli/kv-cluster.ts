/** The key-value service as one command sees it: a client with the service's codecs that remembers which nodes were tried. */
import { RaftClient } from '../client/index.ts'
import type { ClientChannel } from '../contracts/client-channel.ts'
import type { ReadMode } from '../contracts/node-service.ts'
import { grpcChannelFactory } from '../grpc/client-channel.ts'
import type { KvAnswer, KvCommand, KvQuery, KvResult } from '../kv/index.ts'
import { kvAnswerCodec, kvCommandCodec, kvQueryCodec, kvResultCodec } from '../kv/index.ts'

export interface Written {
  readonly result: KvResult
  readonly index: number
  readonly term: number
  /** Who did it, and by how many detours. */
  readonly note: string
}

export interface KvClusterOptions {
  readonly endpoints: readonly string[]
  readonly timeoutMs: number
  /** Note who was tried: only for one call at a time. */
  readonly isTraced?: boolean
}

/** A call as it was tried: one address after the other. */
interface Trail {
  addresses: string[]
}

export class KvCluster {
  readonly client: RaftClient<KvCommand, KvResult, KvQuery, KvAnswer>
  readonly #trail: Trail = { addresses: [] }

  constructor({ endpoints, timeoutMs, isTraced = false }: KvClusterOptions) {
    const factory = grpcChannelFactory()
    this.client = new RaftClient({
      endpoints,
      timeoutMs,
      channel: isTraced ? (address) => noted(factory(address), this.#trail) : factory,
      codec: kvCommandCodec,
      resultCodec: kvResultCodec,
      queryCodec: kvQueryCodec,
      answerCodec: kvAnswerCodec,
    })
  }

  async write(command: KvCommand): Promise<Written> {
    this.#trail.addresses = []
    const { result, index, term } = await this.client.proposeBytes(kvCommandCodec.encode(command))
    return { result: kvResultCodec.decode(result), index, term, note: this.#note() }
  }

  async read(query: KvQuery, mode: ReadMode): Promise<{ readonly answer: KvAnswer; readonly note: string }> {
    this.#trail.addresses = []
    const { answer, appliedIndex } = await this.client.queryBytes(kvQueryCodec.encode(query), { mode })
    return { answer: kvAnswerCodec.decode(answer), note: `read at ${appliedIndex}  ${this.#note()}` }
  }

  #note(): string {
    const tried = this.#trail.addresses
    const hops = tried.length - 1
    return `by ${tried.at(-1)}${hops > 0 ? ` (${hops === 1 ? '1 hop' : `${hops} hops`}: ${tried.join(' → ')})` : ''}`
  }
}

/** For as long as `work` takes. */
export async function withCluster<Value>(
  options: KvClusterOptions,
  work: (cluster: KvCluster) => Promise<Value>,
): Promise<Value> {
  const cluster = new KvCluster({ ...options, isTraced: true })
  try {
    return await work(cluster)
  } finally {
    await cluster.client.close()
  }
}

/** A channel that writes down its address whenever it is asked to propose or to read. */
function noted(channel: ClientChannel, trail: Trail): ClientChannel {
  const { address } = channel
  return {
    address,
    propose: (command, options) => {
      trail.addresses.push(address)
      return channel.propose(command, options)
    },
    query: (query, options) => {
      trail.addresses.push(address)
      return channel.query(query, options)
    },
    status: (options) => channel.status(options),
    changeMembership: (change, options) => channel.changeMembership(change, options),
    transferLeadership: (to, options) => channel.transferLeadership(to, options),
    takeSnapshot: (options) => channel.takeSnapshot(options),
    close: () => channel.close(),
  }
}

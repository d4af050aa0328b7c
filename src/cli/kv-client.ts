/** The key-value service as one command sees it: a client with the service's codecs that remembers which nodes were tried. */
import { RaftClient } from '../client/index.ts'
import type { ClientChannel } from '../contracts/client-channel.ts'
import type { ReadMode } from '../contracts/node-service.ts'
import { grpcChannelFactory } from '../grpc/client/client-channel.ts'
import type { KvAnswer, KvCommand, KvQuery, KvResult } from '../kv/index.ts'
import { kvAnswerCodec, kvCommandCodec, kvQueryCodec, kvResultCodec } from '../kv/index.ts'

export interface Written {
  readonly result: KvResult
  readonly index: number
  readonly term: number
  /** Who did it, and by how many detours. */
  readonly note: string
}

export interface KvClientOptions {
  readonly endpoints: readonly string[]
  readonly timeoutMs: number
  /** Note who was tried: only for one call at a time. */
  readonly isTraced?: boolean
}

/** A call as it was tried: one address after the other. */
interface Attempts {
  addresses: string[]
}

export class KvClient {
  readonly raftClient: RaftClient<KvCommand, KvResult, KvQuery, KvAnswer>
  readonly #attempts: Attempts = { addresses: [] }

  constructor({ endpoints, timeoutMs, isTraced = false }: KvClientOptions) {
    const factory = grpcChannelFactory()
    this.raftClient = new RaftClient({
      endpoints,
      timeoutMs,
      channel: isTraced ? (address) => recordAttempts(factory(address), this.#attempts) : factory,
      codec: kvCommandCodec,
      resultCodec: kvResultCodec,
      queryCodec: kvQueryCodec,
      answerCodec: kvAnswerCodec,
    })
  }

  async write(command: KvCommand): Promise<Written> {
    this.#attempts.addresses = []
    const { result, index, term } = await this.raftClient.proposeBytes(kvCommandCodec.encode(command))
    return { result: kvResultCodec.decode(result), index, term, note: this.#note() }
  }

  async read(query: KvQuery, mode: ReadMode): Promise<{ readonly answer: KvAnswer; readonly note: string }> {
    this.#attempts.addresses = []
    const { answer, appliedIndex } = await this.raftClient.queryBytes(kvQueryCodec.encode(query), { mode })
    return { answer: kvAnswerCodec.decode(answer), note: `read at ${appliedIndex}  ${this.#note()}` }
  }

  #note(): string {
    const tried = this.#attempts.addresses
    const hops = tried.length - 1
    return `by ${tried.at(-1)}${hops > 0 ? ` (${hops === 1 ? '1 hop' : `${hops} hops`}: ${tried.join(' → ')})` : ''}`
  }
}

/** For as long as `work` takes. */
export async function withClient<Value>(
  options: KvClientOptions,
  work: (client: KvClient) => Promise<Value>,
): Promise<Value> {
  const cluster = new KvClient({ ...options, isTraced: true })
  try {
    return await work(cluster)
  } finally {
    await cluster.raftClient.close()
  }
}

/** A channel that writes down its address whenever it is asked to propose or to read. */
function recordAttempts(channel: ClientChannel, attempts: Attempts): ClientChannel {
  const { address } = channel
  return {
    address,
    propose: (command, options) => {
      attempts.addresses.push(address)
      return channel.propose(command, options)
    },
    query: (query, options) => {
      attempts.addresses.push(address)
      return channel.query(query, options)
    },
    status: (options) => channel.status(options),
    changeMembership: (change, options) => channel.changeMembership(change, options),
    transferLeadership: (to, options) => channel.transferLeadership(to, options),
    takeSnapshot: (options) => channel.takeSnapshot(options),
    close: () => channel.close(),
  }
}

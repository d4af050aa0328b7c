/** A client of the key-value service that records which nodes a call was sent to. */
import { RaftClient } from '../client/index.ts'
import type { ClientChannel } from '../contracts/client-channel.ts'
import type { ReadOptions } from '../contracts/node-service.ts'
import { grpcChannelFactory } from '../grpc/client/client-channel.ts'
import type { KvAnswer, KvCommand, KvQuery, KvResult } from '../kv/index.ts'
import { kvAnswerCodec, kvCommandCodec, kvQueryCodec, kvResultCodec } from '../kv/index.ts'
import type { ClientTlsFiles } from '../peer-link/client-certificate-files.ts'
import type { SharedSecret } from '../peer-link/secret-tls.ts'
import type { ClientTlsOptions } from '../peer-link/tls-options.ts'

export interface Written {
  readonly result: KvResult
  readonly index: number
  readonly term: number
  /** The node that executed the call, and the nodes that were tried before. */
  readonly note: string
}

export interface KvClientOptions {
  readonly endpoints: readonly string[]
  readonly timeoutMs: number
  /** How long `changes` looks for a node. Default: that of the client. */
  readonly changesTimeoutMs?: number | undefined
  readonly tls?: ClientTlsFiles | ClientTlsOptions | SharedSecret | undefined
  readonly token?: string | undefined
  /** Records the nodes that were tried. Only correct for one call at a time. */
  readonly isTraced?: boolean
}

/** The addresses to which the current call was sent, in order. */
interface Attempts {
  addresses: string[]
}

export class KvClient {
  readonly raftClient: RaftClient<KvCommand, KvResult, KvQuery, KvAnswer>
  readonly #attempts: Attempts = { addresses: [] }

  constructor({ endpoints, timeoutMs, changesTimeoutMs, tls, token, isTraced = false }: KvClientOptions) {
    const factory = grpcChannelFactory({ tls, token })
    this.raftClient = new RaftClient({
      endpoints,
      timeoutMs,
      ...(changesTimeoutMs === undefined ? undefined : { changesTimeoutMs }),
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

  async read(query: KvQuery, options: ReadOptions): Promise<{ readonly answer: KvAnswer; readonly note: string }> {
    this.#attempts.addresses = []
    const { answer, appliedIndex } = await this.raftClient.queryBytes(kvQueryCodec.encode(query), options)
    return { answer: kvAnswerCodec.decode(answer), note: `read at ${appliedIndex}  ${this.#note()}` }
  }

  #note(): string {
    const tried = this.#attempts.addresses
    const hops = tried.length - 1
    return `by ${tried.at(-1)}${hops > 0 ? ` (${hops === 1 ? '1 hop' : `${hops} hops`}: ${tried.join(' → ')})` : ''}`
  }
}

/** Closes the client when `work` has settled. */
export async function withClient<Value>(
  options: KvClientOptions,
  work: (client: KvClient) => Promise<Value>,
): Promise<Value> {
  const client = new KvClient({ ...options, isTraced: true })
  try {
    return await work(client)
  } finally {
    await client.raftClient.close()
  }
}

/** Wraps a channel so that each proposal, registration and query records its address, unless it is the one before. */
function recordAttempts(channel: ClientChannel, attempts: Attempts): ClientChannel {
  const { address } = channel
  const record = (): void => {
    if (attempts.addresses.at(-1) !== address) attempts.addresses.push(address)
  }
  return {
    address,
    propose: (command, options) => {
      record()
      return channel.propose(command, options)
    },
    registerSession: (options) => {
      record()
      return channel.registerSession(options)
    },
    query: (query, options) => {
      record()
      return channel.query(query, options)
    },
    changes: (options) => channel.changes(options),
    status: (options) => channel.status(options),
    changeMembership: (change, options) => channel.changeMembership(change, options),
    transferLeadership: (to, options) => channel.transferLeadership(to, options),
    takeSnapshot: (options) => channel.takeSnapshot(options),
    readSnapshot: (id, offset, options) => channel.readSnapshot(id, offset, options),
    close: () => channel.close(),
  }
}

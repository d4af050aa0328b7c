/** Fetches a peer's snapshot on a separate connection, so that its bytes do not delay heartbeats. */
import type { ChannelCredentials, ClientReadableStream, ServiceError } from '@grpc/grpc-js'
import { Client, status } from '@grpc/grpc-js'
import type { NodeId } from '../../core/types.ts'
import type { ErrorCode } from '../../errors.ts'
import { ERROR_CODES, isRaftError, RaftError } from '../../errors.ts'
import type { FetchRequest } from './codec.ts'
import { decodeChunk, encodeFetchRequest } from './codec.ts'
import { peerProto } from './peer-proto.ts'
import { probeTcp } from './tcp-probe.ts'
import type { GrpcTransportLimits } from './transport-options.ts'
import { channelOptions } from './transport-options.ts'

export interface SnapshotFetch {
  readonly from: NodeId
  readonly address: string
  readonly request: FetchRequest
  readonly credentials: ChannelCredentials
  readonly limits: GrpcTransportLimits
  /** When it is aborted, the iteration throws its reason. */
  readonly signal: AbortSignal
}

/** Yields the snapshot's bytes from `request.offset` on. Flow control: at most one receive window is buffered here. */
export async function* fetchSnapshot(fetch: SnapshotFetch): AsyncGenerator<Uint8Array, void> {
  const { signal, request } = fetch
  await assertReachable(fetch)
  const client = new Client(fetch.address, fetch.credentials, channelOptions(fetch.limits))
  const call = startCall(client, fetch)
  const abort = (): void => call.cancel()
  signal.addEventListener('abort', abort)
  let { offset } = request
  try {
    for await (const bytes of call) {
      signal.throwIfAborted()
      const chunk = decodeChunk(bytes as Buffer)
      if (chunk.type === 'refusal') throw refusedError(fetch, chunk.refusal)
      if (chunk.offset !== offset)
        throw new RaftError(
          'ERR_RAFT_BAD_MESSAGE',
          `${fetch.from} sent bytes from offset ${chunk.offset}, expected ${offset}`,
        )
      offset += chunk.data.length
      yield chunk.data
    }
  } catch (error) {
    signal.throwIfAborted()
    throw isRaftError(error) ? error : connectionLostError(fetch, error as ServiceError)
  } finally {
    signal.removeEventListener('abort', abort)
    call.on('error', () => undefined) // Cancelling emits one more error after the iteration has ended.
    call.cancel()
    client.close()
  }
}

/** Probes the peer's port first: unlike a gRPC connection attempt, a probe can be cancelled. */
async function assertReachable(fetch: SnapshotFetch): Promise<void> {
  const { address, limits, signal } = fetch
  signal.throwIfAborted()
  try {
    await probeTcp({ address, timeoutMs: limits.handshakeTimeoutMs, signal })
  } catch (error) {
    signal.throwIfAborted()
    throw connectionLostError(fetch, error as Error)
  }
}

function startCall(client: Client, { request, limits }: SnapshotFetch): ClientReadableStream<Buffer> {
  const { path, requestSerialize, responseDeserialize } = peerProto().fetchSnapshot
  const bytes = encodeFetchRequest(request)
  const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, bytes)
  const timeout = setTimeout(() => call.cancel(), limits.handshakeTimeoutMs)
  call.once('metadata', () => clearTimeout(timeout))
  call.once('status', () => clearTimeout(timeout))
  return call
}

function refusedError({ from }: SnapshotFetch, { code, message }: { code: string; message: string }): RaftError {
  const knownCode: ErrorCode = Object.hasOwn(ERROR_CODES, code) ? (code as ErrorCode) : 'ERR_RAFT_UNREACHABLE'
  return new RaftError(knownCode, `${from} refused to send its snapshot: ${message}`, { details: { peer: from } })
}

function connectionLostError({ from, address, request }: SnapshotFetch, error: Error | ServiceError): RaftError {
  const details = { peer: from, address, snapshot: request.id }
  if ('code' in error && error.code === status.NOT_FOUND)
    return new RaftError('ERR_RAFT_SNAPSHOT_GONE', `${from} no longer has snapshot ${request.id}`, {
      hint: 'the leader will offer another one',
      details,
      cause: error,
    })
  return new RaftError(
    'ERR_RAFT_UNREACHABLE',
    `fetching a snapshot from ${from} at ${address} was interrupted: ${error.message}`,
    {
      hint: 'the received part is kept, and the transfer resumes from there',
      details,
      cause: error,
    },
  )
}

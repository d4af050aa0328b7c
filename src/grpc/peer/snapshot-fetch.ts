/** Fetches a peer's snapshot on a separate connection, so that its bytes do not delay heartbeats. */
import type { ChannelCredentials, ClientReadableStream, ServiceError } from '@grpc/grpc-js'
import { Client, status } from '@grpc/grpc-js'
import type { RaftError } from '../../errors.ts'
import { isRaftError } from '../../errors.ts'
import { probe } from '../../peer-link/connect-socket.ts'
import {
  fetchInterruptedError,
  refusalError,
  snapshotGoneError,
  untrustedSourceError,
  wrongOffsetError,
} from '../../peer-link/fetch-errors.ts'
import type { SnapshotFetch } from '../../peer-link/peer-call.ts'
import type { SharedSecret } from '../../peer-link/secret-tls.ts'
import type { TlsOptions } from '../../peer-link/tls-options.ts'
import { answererOf } from './answerer.ts'
import { decodeChunk, encodeFetchRequest } from './codec.ts'
import { peerProto } from './peer-proto.ts'
import type { GrpcTransportLimits } from './transport-options.ts'
import { channelOptions } from './transport-options.ts'

export interface GrpcSnapshotFetch extends SnapshotFetch {
  readonly credentials: ChannelCredentials
  readonly limits: GrpcTransportLimits
  readonly tls: TlsOptions | SharedSecret | undefined
}

/** Yields the snapshot's bytes from `request.offset` on. Flow control: at most one receive window is buffered here. */
export async function* fetchSnapshot(fetch: GrpcSnapshotFetch): AsyncGenerator<Uint8Array, void> {
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
      const refusal = fetch.sourceRefusal(answererOf(call))
      if (refusal !== undefined) throw untrustedSourceError(fetch, refusal)
      const chunk = decodeChunk(bytes as Buffer)
      if (chunk.type === 'refusal') throw refusalError(fetch.from, chunk.refusal)
      if (chunk.offset !== offset) throw wrongOffsetError(fetch, chunk.offset, offset)
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
async function assertReachable(fetch: GrpcSnapshotFetch): Promise<void> {
  const { address, limits, tls, signal } = fetch
  signal.throwIfAborted()
  try {
    await probe({ address, timeoutMs: limits.handshakeTimeoutMs, tls, signal })
  } catch (error) {
    signal.throwIfAborted()
    throw isRaftError(error, 'ERR_RAFT_UNAUTHENTICATED') ? error : fetchInterruptedError(fetch, error as Error)
  }
}

function startCall(client: Client, { request, limits }: GrpcSnapshotFetch): ClientReadableStream<Buffer> {
  const { path, requestSerialize, responseDeserialize } = peerProto().fetchSnapshot
  const bytes = encodeFetchRequest(request)
  const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, bytes)
  const timeout = setTimeout(() => call.cancel(), limits.handshakeTimeoutMs)
  call.once('metadata', () => clearTimeout(timeout))
  call.once('status', () => clearTimeout(timeout))
  return call
}

function connectionLostError(fetch: SnapshotFetch, error: ServiceError): RaftError {
  if (error.code === status.NOT_FOUND) return snapshotGoneError(fetch, error)
  return fetchInterruptedError(fetch, error)
}

/** Sends snapshots to the peers that fetch them, chunk by chunk, at the speed of the connection. */
import type { ServerWritableStream } from '@grpc/grpc-js'
import { Metadata, status } from '@grpc/grpc-js'
import type { Refusal, TransportHost } from '../../contracts/transport.ts'
import { isRaftError } from '../../errors.ts'
import type { FetchRequest, Hello } from './codec.ts'
import { decodeFetchRequest, encodeChunk } from './codec.ts'
import type { GrpcTransportLimits } from './transport-options.ts'
import { toPrintable } from './wire-fields.ts'

type Call = ServerWritableStream<Buffer, Buffer>

export interface SnapshotServerParts {
  readonly host: TransportHost
  readonly checkHello: (hello: Hello) => Refusal | undefined
  /** Called when a peer has greeted in a call. */
  readonly onAccepted: (call: Call) => void
  readonly limits: GrpcTransportLimits
}

export class SnapshotServer {
  readonly #parts: SnapshotServerParts
  readonly #sending = new Map<Call, Promise<void>>()
  #isClosed = false

  constructor(parts: SnapshotServerParts) {
    this.#parts = parts
  }

  serve(call: Call): void {
    const { snapshotStreamsMax } = this.#parts.limits
    if (this.#isClosed) return fail(call, status.UNAVAILABLE, 'this node is closing')
    if (this.#sending.size >= snapshotStreamsMax)
      return fail(call, status.RESOURCE_EXHAUSTED, `already sending ${snapshotStreamsMax} snapshots`)
    call.sendMetadata(new Metadata()) // Ends the handshake timeout of the fetching peer.
    const sent = this.#answer(call).finally(() => this.#sending.delete(call))
    this.#sending.set(call, sent)
  }

  /** Ends all transfers and waits until their files are closed. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const call of this.#sending.keys()) fail(call, status.UNAVAILABLE, 'this node is closing')
    await Promise.all(this.#sending.values())
  }

  async #answer(call: Call): Promise<void> {
    try {
      const request = decodeFetchRequest(call.request)
      const refusal = this.#parts.checkHello(request.hello)
      if (refusal !== undefined) return await reject(call, refusal)
      this.#parts.onAccepted(call)
      await this.#send(call, request)
      call.end()
    } catch (error) {
      fail(call, isRaftError(error) ? (STATUS_BY_CODE[error.code] ?? status.INTERNAL) : status.INTERNAL, String(error))
    }
  }

  async #send(call: Call, { id, offset }: FetchRequest): Promise<void> {
    const { host, limits } = this.#parts
    for await (const bytes of host.readSnapshot(id, offset))
      for (let from = 0; from < bytes.length; from += limits.chunkBytes) {
        const data = bytes.subarray(from, from + limits.chunkBytes)
        await write(
          call,
          encodeChunk({ type: 'data', offset, data: Buffer.from(data.buffer, data.byteOffset, data.length) }),
        )
        if (call.cancelled || call.writableEnded) return
        offset += data.length
      }
  }
}

const STATUS_BY_CODE: Readonly<Record<string, status>> = {
  ERR_RAFT_SNAPSHOT_GONE: status.NOT_FOUND,
  ERR_RAFT_BAD_MESSAGE: status.INVALID_ARGUMENT,
}

async function reject(call: Call, refusal: Refusal): Promise<void> {
  await write(call, encodeChunk({ type: 'refusal', refusal }))
  fail(call, status.FAILED_PRECONDITION, refusal.message)
}

function fail(call: Call, code: status, details: string): void {
  call.emit('error', { code, details: toPrintable(details) }) // grpc-js's way of ending a stream with a status.
}

/** Resolves once the connection has taken the bytes or is closed. */
function write(call: Call, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const onTaken = (): void => {
      call.off('close', onTaken)
      resolve()
    }
    call.once('close', onTaken)
    if (call.destroyed) onTaken()
    else call.write(bytes, onTaken)
  })
}

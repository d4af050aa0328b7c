/** The server's end of a gRPC call that fetches a snapshot. */
import type { ServerWritableStream } from '@grpc/grpc-js'
import { Metadata, status } from '@grpc/grpc-js'
import type { Caller } from '../../access/caller.ts'
import type { Refusal } from '../../contracts/transport.ts'
import type { FetchRequest } from '../../peer-link/frames.ts'
import type { SnapshotCall, SnapshotFailure } from '../../peer-link/snapshot-server.ts'
import { toPrintable } from '../../peer-link/wire-fields.ts'
import { decodeFetchRequest, encodeChunk } from './codec.ts'

type Call = ServerWritableStream<Buffer, Buffer>

const STATUS: Readonly<Record<SnapshotFailure, status>> = {
  gone: status.NOT_FOUND,
  malformed: status.INVALID_ARGUMENT,
  busy: status.RESOURCE_EXHAUSTED,
  closing: status.UNAVAILABLE,
  failed: status.INTERNAL,
}

export class GrpcSnapshotCall implements SnapshotCall {
  readonly caller: Caller
  readonly #call: Call

  constructor(call: Call, caller: Caller) {
    this.caller = caller
    this.#call = call
    call.sendMetadata(new Metadata()) // Ends the handshake timeout of the fetching peer.
  }

  request(): FetchRequest {
    return decodeFetchRequest(this.#call.request)
  }

  get isEnded(): boolean {
    return this.#call.cancelled || this.#call.writableEnded
  }

  write(offset: number, data: Uint8Array): Promise<void> {
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.length)
    return this.#write(encodeChunk({ type: 'data', offset, data: bytes }))
  }

  async refuse(refusal: Refusal): Promise<void> {
    await this.#write(encodeChunk({ type: 'refusal', refusal }))
    this.#endWith(status.FAILED_PRECONDITION, refusal.message)
  }

  fail(failure: SnapshotFailure, details: string): void {
    this.#endWith(STATUS[failure], details)
  }

  end(): void {
    this.#call.end()
  }

  #endWith(code: status, details: string): void {
    this.#call.emit('error', { code, details: toPrintable(details) }) // grpc-js's way of ending a stream with a status.
  }

  /** Resolves once the connection has taken the bytes or is closed. */
  #write(bytes: Buffer): Promise<void> {
    const call = this.#call
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
}

/** The sending end of the connection on which a peer fetches a snapshot. */
import type { Caller } from '../access/caller.ts'
import type { Refusal } from '../contracts/transport.ts'
import { RaftError } from '../errors.ts'
import type { FetchRequest } from '../peer-link/frames.ts'
import type { SnapshotCall, SnapshotFailure } from '../peer-link/snapshot-server.ts'
import { decodeFetch, encodeChunk, encodeFailure, encodeRefusal, unexpectedFrame } from './control-frames.ts'
import { FRAME } from './frame-format.ts'
import type { FrameSocket } from './frame-socket.ts'

export class TcpSnapshotCall implements SnapshotCall {
  readonly caller: Caller
  readonly #socket: FrameSocket
  #request: FetchRequest | Error | undefined
  #onTaken: (() => void) | undefined

  /** `onRequest` is called when the request has arrived, or something else instead. */
  constructor(socket: FrameSocket, caller: Caller, timeoutMs: number, onRequest: (call: TcpSnapshotCall) => void) {
    this.caller = caller
    this.#socket = socket
    const timeout = setTimeout(() => socket.end(`no request within ${timeoutMs} ms`, false), timeoutMs)
    timeout.unref()
    const settle = (request: FetchRequest | Error): void => {
      clearTimeout(timeout)
      this.#request = request
      onRequest(this)
    }
    socket.listen({
      onFrame: (frame) => {
        if (frame.type !== FRAME.fetch || this.#request !== undefined) throw unexpectedFrame(frame)
        settle(decodeFetch(frame))
      },
      onChunkEnd: () => undefined,
      onMalformed: (reason) => {
        if (this.#request === undefined) settle(new RaftError('ERR_RAFT_BAD_MESSAGE', reason))
        else this.fail('malformed', reason)
      },
      onEnded: () => {
        clearTimeout(timeout)
        this.#onTaken?.()
      },
      onForeign: () => undefined,
    })
  }

  request(): FetchRequest {
    if (this.#request instanceof Error) throw this.#request
    return this.#request as FetchRequest
  }

  get isEnded(): boolean {
    return this.#socket.isEnded
  }

  write(offset: number, data: Uint8Array): Promise<void> {
    if (this.isEnded) return Promise.resolve()
    return new Promise((resolve) => {
      this.#onTaken = resolve
      this.#socket.write(encodeChunk(offset, data), resolve)
    })
  }

  async refuse(refusal: Refusal): Promise<void> {
    this.#socket.write(encodeRefusal(refusal))
    this.#end(refusal.message)
  }

  fail(failure: SnapshotFailure, details: string): void {
    this.#socket.write(encodeFailure(failure, details))
    this.#end(details)
  }

  end(): void {
    this.#end('')
  }

  #end(reason: string): void {
    this.#socket.end(reason, false)
    this.#onTaken?.()
  }
}

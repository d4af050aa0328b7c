/** Fetches a peer's snapshot on a connection of its own. */
import { isRaftError, RaftError } from '../errors.ts'
import { fetchInterruptedError, refusalError, snapshotGoneError, wrongOffsetError } from '../peer-link/fetch-errors.ts'
import type { SnapshotFetch } from '../peer-link/peer-call.ts'
import { onAbort } from '../platform/on-abort.ts'
import { decodeChunk, decodeFailure, decodeRefusal, encodeFetch, unexpectedFrame } from './control-frames.ts'
import { FRAME } from './frame-format.ts'
import type { FrameCursor } from './frame-reader.ts'
import type { FrameSocket } from './frame-socket.ts'

/** Received bytes beyond which reading pauses until they are consumed. */
const BUFFERED_BYTES_MAX = 1024 * 1024

export interface TcpSnapshotFetch extends SnapshotFetch {
  readonly handshakeTimeoutMs: number
  readonly connect: () => Promise<FrameSocket>
  /** Why a node that does not speak this protocol cannot be asked. */
  readonly foreignReason: (bytes: Buffer) => string
}

/** Yields the snapshot's bytes from `request.offset` on. */
export async function* fetchSnapshot(fetch: TcpSnapshotFetch): AsyncGenerator<Uint8Array, void> {
  const { signal } = fetch
  signal.throwIfAborted()
  let socket: FrameSocket
  try {
    socket = await fetch.connect()
  } catch (error) {
    signal.throwIfAborted()
    throw isRaftError(error, 'ERR_RAFT_UNAUTHENTICATED') ? error : fetchInterruptedError(fetch, error as Error)
  }
  const received = new ReceivedChunks(fetch, socket)
  const stopListening = onAbort(signal, () => received.end(signal.reason))
  try {
    for (let chunk = await received.next(); chunk !== undefined; chunk = await received.next()) {
      signal.throwIfAborted()
      yield chunk
    }
  } finally {
    stopListening()
    socket.end('the fetch has ended', true)
  }
}

/** The chunks that have arrived and are not consumed. */
class ReceivedChunks {
  readonly #fetch: TcpSnapshotFetch
  readonly #socket: FrameSocket
  readonly #chunks: Uint8Array[] = []
  #bytes = 0
  #offset: number
  /** The error to throw after the last chunk; undefined without one. */
  #end: { readonly error: unknown } | undefined
  #wake: (() => void) | undefined
  readonly #timeout: NodeJS.Timeout

  constructor(fetch: TcpSnapshotFetch, socket: FrameSocket) {
    this.#fetch = fetch
    this.#socket = socket
    this.#offset = fetch.request.offset
    const interrupted = (reason: string): void => this.end(fetchInterruptedError(fetch, new Error(reason)))
    this.#timeout = setTimeout(
      () => interrupted(`no answer within ${fetch.handshakeTimeoutMs} ms`),
      fetch.handshakeTimeoutMs,
    )
    socket.listen({
      onFrame: (frame) => {
        clearTimeout(this.#timeout)
        this.#onFrame(frame)
      },
      onChunkEnd: () => undefined,
      onMalformed: (reason) => this.end(new RaftError('ERR_RAFT_BAD_MESSAGE', reason)),
      onEnded: (reason) => {
        if (reason === '') this.end(undefined)
        else interrupted(reason)
      },
      onForeign: (bytes) => interrupted(fetch.foreignReason(bytes)),
    })
    socket.write(encodeFetch(fetch.request))
  }

  /** The next chunk; undefined after the last one. */
  async next(): Promise<Uint8Array | undefined> {
    while (this.#chunks.length === 0) {
      if (this.#end?.error !== undefined) throw this.#end.error
      if (this.#end !== undefined) return undefined
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    const chunk = this.#chunks.shift() as Uint8Array
    this.#bytes -= chunk.length
    if (this.#bytes < BUFFERED_BYTES_MAX) this.#socket.resume()
    return chunk
  }

  /** No more chunks arrive. */
  end(error: unknown): void {
    clearTimeout(this.#timeout)
    this.#end ??= { error }
    this.#wake?.()
  }

  #onFrame(frame: FrameCursor): void {
    const fetch = this.#fetch
    switch (frame.type) {
      case FRAME.chunk: {
        const { offset, data } = decodeChunk(frame)
        if (offset !== this.#offset) return this.end(wrongOffsetError(fetch, offset, this.#offset))
        this.#offset += data.length
        this.#bytes += data.length
        this.#chunks.push(data)
        if (this.#bytes >= BUFFERED_BYTES_MAX) this.#socket.pause()
        return this.#wake?.()
      }
      case FRAME.refusal:
        return this.end(refusalError(fetch.from, decodeRefusal(frame)))
      case FRAME.failure: {
        const { isGone, message } = decodeFailure(frame)
        return this.end(isGone ? snapshotGoneError(fetch) : fetchInterruptedError(fetch, new Error(message)))
      }
      default:
        throw unexpectedFrame(frame)
    }
  }
}

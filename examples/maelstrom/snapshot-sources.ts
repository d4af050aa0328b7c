/** The sending side of snapshots: sends one chunk per request, and the last one again if the request is repeated. It reads nothing ahead. */
import { isRaftError, type NodeId, type Refusal, type TransportHost } from 'quorate'
import type { Body } from './message-stream.ts'

/** The maximum size of a chunk in one message. */
const CHUNK_BYTES_MAX = 256 * 1024

type Answer = (body: Readonly<Record<string, unknown>>) => void

interface Source {
  readonly fetch: unknown
  readonly chunks: AsyncIterator<Uint8Array>
  /** Bytes that were read and not yet sent. */
  rest: Uint8Array
  offset: number
  last: Readonly<Record<string, unknown>> | undefined
  isReading: boolean
}

export class SnapshotSources {
  /** At most one source per peer, because a peer fetches one snapshot at a time. */
  readonly #sources = new Map<NodeId, Source>()

  /** Handles the request for a chunk; `answer` is called once the chunk is read. */
  onRequest(peer: NodeId, body: Body, admit: () => Refusal | undefined, host: TransportHost, answer: Answer): void {
    let source = this.#sources.get(peer)
    if (source === undefined || source.fetch !== body.fetch) {
      this.end(peer)
      const refusal = admit()
      if (refusal !== undefined) return answer({ part: 'chunk', fetch: body.fetch, offset: body.offset, refusal })
      source = this.#open(host, body)
      this.#sources.set(peer, source)
    }
    if (source.isReading) return
    if (source.last !== undefined && source.last.offset === body.offset) answer(source.last)
    else if (source.offset === body.offset) void this.#next(source).then(answer)
  }

  /** Ends the source of a peer; with `fetch`, only if it serves that fetch. */
  end(peer: NodeId, fetch?: unknown): void {
    const source = this.#sources.get(peer)
    if (source === undefined || (fetch !== undefined && source.fetch !== fetch)) return
    this.#sources.delete(peer)
    void source.chunks.return?.().catch(() => undefined)
  }

  async close(): Promise<void> {
    for (const peer of [...this.#sources.keys()]) this.end(peer)
  }

  #open(host: TransportHost, { fetch, id, offset }: Body): Source {
    const chunks = chunksOf(host, id as string, offset as number)
    return { fetch, chunks, rest: new Uint8Array(0), offset: offset as number, last: undefined, isReading: false }
  }

  /** Reads the next chunk. An empty chunk marks the end of the snapshot. */
  async #next(source: Source): Promise<Readonly<Record<string, unknown>>> {
    source.isReading = true
    const head = { part: 'chunk', fetch: source.fetch, offset: source.offset }
    try {
      while (source.rest.length === 0) {
        const { value, done } = await source.chunks.next()
        if (done === true) break
        source.rest = value
      }
      const chunk = source.rest.subarray(0, CHUNK_BYTES_MAX)
      source.rest = source.rest.subarray(chunk.length)
      source.offset += chunk.length
      source.last = { ...head, data: Buffer.from(chunk).toString('base64') }
    } catch (error) {
      const code = isRaftError(error) ? error.code : 'ERR_RAFT_UNREACHABLE'
      source.last = { ...head, refusal: { code, message: error instanceof Error ? error.message : String(error) } }
    }
    source.isReading = false
    return source.last
  }
}

/** Turns an error that the host throws at once into one that is thrown on reading. */
async function* chunksOf(host: TransportHost, id: string, offset: number): AsyncGenerator<Uint8Array, void> {
  yield* host.readSnapshot(id, offset)
}

/** The end that hands a snapshot out: a piece for each request, the last one again if it was lost, and nothing read ahead. */
import { isRaftError, type NodeId, type Refusal, type TransportHost } from 'quorate'
import type { Body } from './message-stream.ts'

/** Of one message. */
const CHUNK_BYTES_MAX = 256 * 1024

type Answer = (body: Readonly<Record<string, unknown>>) => void

interface Source {
  readonly fetch: unknown
  readonly chunks: AsyncIterator<Uint8Array>
  /** Read, and not yet handed out. */
  rest: Uint8Array
  offset: number
  last: Readonly<Record<string, unknown>> | undefined
  isReading: boolean
}

export class SnapshotSources {
  /** One for each peer: it fetches one snapshot at a time. */
  readonly #sources = new Map<NodeId, Source>()

  /** A piece was asked for; it is answered once it is read. */
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

  /** Of a peer; with a number, only that fetch. */
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

  /** An empty piece is the end. */
  async #next(source: Source): Promise<Readonly<Record<string, unknown>>> {
    source.isReading = true
    const head = { part: 'chunk', fetch: source.fetch, offset: source.offset }
    try {
      while (source.rest.length === 0) {
        const { value, done } = await source.chunks.next()
        if (done === true) break
        source.rest = value
      }
      const piece = source.rest.subarray(0, CHUNK_BYTES_MAX)
      source.rest = source.rest.subarray(piece.length)
      source.offset += piece.length
      source.last = { ...head, data: Buffer.from(piece).toString('base64') }
    } catch (error) {
      const code = isRaftError(error) ? error.code : 'ERR_RAFT_UNREACHABLE'
      source.last = { ...head, refusal: { code, message: error instanceof Error ? error.message : String(error) } }
    }
    source.isReading = false
    return source.last
  }
}

/** A host may throw at once or when it is read. */
async function* chunksOf(host: TransportHost, id: string, offset: number): AsyncGenerator<Uint8Array, void> {
  yield* host.readSnapshot(id, offset)
}

/** The receiving side of snapshots: requests one chunk after another, and repeats a request until its chunk arrives. */
import { ERROR_CODES, type ErrorCode, type NodeId, RaftError, type Refusal } from 'quorate'
import type { Body } from './message-stream.ts'

type Send = (body: Readonly<Record<string, unknown>>) => void

export class SnapshotFetches {
  readonly #retryMs: number
  /** The callbacks of fetches that wait for a chunk, by fetch number. */
  readonly #waiting = new Map<number, (body: Body) => void>()
  #fetches = 0

  constructor(retryMs: number) {
    this.#retryMs = retryMs
  }

  /** Yields the bytes of a snapshot from `offset` on. Throws the reason of `stopped` if it aborts. */
  async *fetch(id: string, offset: number, stopped: AbortSignal, send: Send): AsyncGenerator<Uint8Array, void> {
    const fetch = ++this.#fetches
    try {
      for (let at = offset; ; ) {
        const chunk = await this.#fetchChunk({ part: 'fetch', fetch, id, offset: at }, stopped, send)
        if (chunk.refusal !== undefined) throw rejectedError(chunk.refusal as Refusal)
        const bytes = Buffer.from(chunk.data as string, 'base64')
        if (bytes.length === 0) return
        at += bytes.length
        yield bytes
        stopped.throwIfAborted()
      }
    } finally {
      send({ part: 'fetchEnd', fetch })
    }
  }

  // biome-ignore lint/correctness/useYield: this iterable only throws.
  async *unreachable(from: NodeId): AsyncGenerator<Uint8Array, void> {
    throw new RaftError('ERR_RAFT_UNREACHABLE', `no link to ${from}`)
  }

  onChunk(body: Body): void {
    this.#waiting.get(body.fetch as number)?.(body)
  }

  #fetchChunk(request: Readonly<Record<string, unknown>>, stopped: AbortSignal, send: Send): Promise<Body> {
    const fetch = request.fetch as number
    return new Promise((resolve, reject) => {
      const end = (act: () => void) => (): void => {
        clearInterval(timer)
        stopped.removeEventListener('abort', stop)
        this.#waiting.delete(fetch)
        act()
      }
      const stop = end(() => reject(stopped.reason))
      const timer = setInterval(() => send(request), this.#retryMs)
      if (stopped.aborted) return stop()
      stopped.addEventListener('abort', stop)
      this.#waiting.set(fetch, (body) => {
        if (body.offset === request.offset) end(() => resolve(body))()
      })
      send(request)
    })
  }
}

function rejectedError({ code, message }: Refusal): RaftError {
  const knownCode = Object.hasOwn(ERROR_CODES, code) ? (code as ErrorCode) : 'ERR_RAFT_UNREACHABLE'
  return new RaftError(knownCode, `the peer rejected the fetch of the snapshot: ${message}`)
}

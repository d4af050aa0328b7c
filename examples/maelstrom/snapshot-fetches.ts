/** The end that fetches a snapshot: asks for one piece after the other, and again for what was lost. */
import { ERROR_CODES, type ErrorCode, type NodeId, RaftError, type Refusal } from 'quorate'
import type { Body } from './message-stream.ts'

type Send = (body: Readonly<Record<string, unknown>>) => void

export class SnapshotFetches {
  readonly #retryMs: number
  /** By the number of the fetch: who waits for a piece. */
  readonly #waiting = new Map<number, (body: Body) => void>()
  #fetches = 0

  constructor(retryMs: number) {
    this.#retryMs = retryMs
  }

  /** The bytes from `offset` on, until the end, or until `stopped` says why not. */
  async *fetch(id: string, offset: number, stopped: AbortSignal, send: Send): AsyncGenerator<Uint8Array, void> {
    const fetch = ++this.#fetches
    try {
      for (let at = offset; ; ) {
        const piece = await this.#fetchChunk({ part: 'fetch', fetch, id, offset: at }, stopped, send)
        if (piece.refusal !== undefined) throw rejectedError(piece.refusal as Refusal)
        const bytes = Buffer.from(piece.data as string, 'base64')
        if (bytes.length === 0) return
        at += bytes.length
        yield bytes
        stopped.throwIfAborted()
      }
    } finally {
      send({ part: 'fetchEnd', fetch })
    }
  }

  // biome-ignore lint/correctness/useYield: it is an iterable that only fails.
  async *unreachable(from: NodeId): AsyncGenerator<Uint8Array, void> {
    throw new RaftError('ERR_RAFT_UNREACHABLE', `there is no link to ${from}`)
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
  const known = Object.hasOwn(ERROR_CODES, code) ? (code as ErrorCode) : 'ERR_RAFT_UNREACHABLE'
  return new RaftError(known, `the snapshot is not handed out: ${message}`)
}

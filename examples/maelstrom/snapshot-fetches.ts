/** The end that fetches a snapshot: asks for one piece after the other, and again for what was lost. */
import { ERROR_CODES, type ErrorCode, type NodeId, RaftError, type Refusal } from 'quorate'
import type { Body } from './post.ts'

type Say = (body: Readonly<Record<string, unknown>>) => void

export class SnapshotFetches {
  readonly #askAgainMs: number
  /** By the number of the fetch: who waits for a piece. */
  readonly #waiting = new Map<number, (body: Body) => void>()
  #fetches = 0

  constructor(askAgainMs: number) {
    this.#askAgainMs = askAgainMs
  }

  /** The bytes from `offset` on, until the end, or until `stopped` says why not. */
  async *fetch(id: string, offset: number, stopped: AbortSignal, say: Say): AsyncGenerator<Uint8Array, void> {
    const fetch = ++this.#fetches
    try {
      for (let at = offset; ; ) {
        const piece = await this.#piece({ part: 'fetch', fetch, id, offset: at }, stopped, say)
        if (piece.refusal !== undefined) throw refused(piece.refusal as Refusal)
        const bytes = Buffer.from(piece.data as string, 'base64')
        if (bytes.length === 0) return
        at += bytes.length
        yield bytes
        stopped.throwIfAborted()
      }
    } finally {
      say({ part: 'fetchEnd', fetch })
    }
  }

  // biome-ignore lint/correctness/useYield: it is an iterable that only fails.
  async *unreachable(from: NodeId): AsyncGenerator<Uint8Array, void> {
    throw new RaftError('ERR_RAFT_UNREACHABLE', `there is no link to ${from}`)
  }

  arrived(body: Body): void {
    this.#waiting.get(body.fetch as number)?.(body)
  }

  #piece(request: Readonly<Record<string, unknown>>, stopped: AbortSignal, say: Say): Promise<Body> {
    const fetch = request.fetch as number
    return new Promise((resolve, reject) => {
      const end = (act: () => void) => (): void => {
        clearInterval(timer)
        stopped.removeEventListener('abort', stop)
        this.#waiting.delete(fetch)
        act()
      }
      const stop = end(() => reject(stopped.reason))
      const timer = setInterval(() => say(request), this.#askAgainMs)
      if (stopped.aborted) return stop()
      stopped.addEventListener('abort', stop)
      this.#waiting.set(fetch, (body) => {
        if (body.offset === request.offset) end(() => resolve(body))()
      })
      say(request)
    })
  }
}

function refused({ code, message }: Refusal): RaftError {
  const known = Object.hasOwn(ERROR_CODES, code) ? (code as ErrorCode) : 'ERR_RAFT_UNREACHABLE'
  return new RaftError(known, `the snapshot is not handed out: ${message}`)
}

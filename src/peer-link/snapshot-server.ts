/** Sends snapshots to the peers that fetch them, chunk by chunk, at the speed of the connection. */
import type { Caller } from '../access/caller.ts'
import type { Refusal, TransportHost } from '../contracts/transport.ts'
import { isRaftError } from '../errors.ts'
import { errorMessage } from '../platform/error-message.ts'
import type { FetchRequest, Hello } from './frames.ts'
import type { PeerLinkLimits } from './limits.ts'

/** Why a snapshot is not sent, or not to its end. */
export type SnapshotFailure = 'gone' | 'malformed' | 'busy' | 'closing' | 'failed'

/** The connection to a peer that fetches a snapshot. */
export interface SnapshotCall {
  /** Who fetches. */
  readonly caller: Caller
  /** Reads the request. Throws ERR_RAFT_BAD_MESSAGE. */
  request(): FetchRequest
  /** The peer has ended the call. */
  readonly isEnded: boolean
  /** Resolves once the connection has taken the bytes or is closed. */
  write(offset: number, data: Uint8Array): Promise<void>
  refuse(refusal: Refusal): Promise<void>
  fail(failure: SnapshotFailure, details: string): void
  /** The snapshot is complete. */
  end(): void
}

export interface SnapshotServerParts {
  readonly host: TransportHost
  readonly checkHello: (hello: Hello, caller: Caller) => Refusal | undefined
  readonly limits: PeerLinkLimits
}

export class SnapshotServer {
  readonly #parts: SnapshotServerParts
  readonly #sending = new Map<SnapshotCall, Promise<void>>()
  #isClosed = false

  constructor(parts: SnapshotServerParts) {
    this.#parts = parts
  }

  /** `onGreeted` is called when a peer has been accepted in the call. */
  serve(call: SnapshotCall, onGreeted: () => void): void {
    const { snapshotStreamsMax } = this.#parts.limits
    if (this.#isClosed) return call.fail('closing', 'this node is closing')
    if (this.#sending.size >= snapshotStreamsMax)
      return call.fail('busy', `already sending ${snapshotStreamsMax} snapshots`)
    const sent = this.#answer(call, onGreeted).finally(() => this.#sending.delete(call))
    this.#sending.set(call, sent)
  }

  /** Ends all transfers and waits until their files are closed. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const call of this.#sending.keys()) call.fail('closing', 'this node is closing')
    await Promise.all(this.#sending.values())
  }

  async #answer(call: SnapshotCall, onGreeted: () => void): Promise<void> {
    try {
      const request = call.request()
      const refusal = this.#parts.checkHello(request.hello, call.caller)
      if (refusal !== undefined) return await call.refuse(refusal)
      onGreeted()
      await this.#send(call, request)
      call.end()
    } catch (error) {
      const failure = isRaftError(error) ? FAILURE_BY_CODE[error.code] : undefined
      call.fail(failure ?? 'failed', errorMessage(error))
    }
  }

  async #send(call: SnapshotCall, { id, offset }: FetchRequest): Promise<void> {
    const { host, limits } = this.#parts
    for await (const bytes of host.readSnapshot(id, offset))
      for (let from = 0; from < bytes.length; from += limits.chunkBytes) {
        const data = bytes.subarray(from, from + limits.chunkBytes)
        await call.write(offset, data)
        if (call.isEnded) return
        offset += data.length
      }
  }
}

const FAILURE_BY_CODE: Readonly<Record<string, SnapshotFailure>> = {
  ERR_RAFT_SNAPSHOT_GONE: 'gone',
  ERR_RAFT_BAD_MESSAGE: 'malformed',
}

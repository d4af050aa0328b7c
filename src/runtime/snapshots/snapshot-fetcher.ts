/** Fetches the leader's snapshot into a file: resumes after failures, and gives up after `attemptsMax` attempts without progress. */
import type { Clock, Timer } from '../../contracts/clock.ts'
import type { RuntimeEvent } from '../../contracts/observer.ts'
import type { SnapshotWriter, Storage } from '../../contracts/storage.ts'
import type { Transport } from '../../contracts/transport.ts'
import type { NodeId, SnapshotInfo } from '../../core/types.ts'
import { isRaftError, RaftError } from '../../errors.ts'
import { errorMessage } from '../../platform/error-message.ts'

export interface SnapshotFetcherParts {
  readonly transport: Pick<Transport, 'fetchSnapshot'>
  readonly storage: Pick<Storage, 'snapshots'>
  readonly clock: Clock
  readonly retryMinMs: number
  readonly retryMaxMs: number
  readonly attemptsMax: number
  /** The file is complete, verified and durable. */
  readonly onFetched: (snapshot: SnapshotInfo) => void
  /** The fetch was given up. */
  readonly onFailed: (snapshot: SnapshotInfo, reason: string) => void
  readonly emit: (event: RuntimeEvent) => void
}

const PROGRESS_INTERVAL_MS = 1000

/** A fetch requested by the core. */
interface FetchRequest {
  readonly from: NodeId
  readonly snapshot: SnapshotInfo
  readonly controller: AbortController
}

export class SnapshotFetcher {
  readonly #parts: SnapshotFetcherParts
  #request: FetchRequest | undefined
  /** Fetches run one after the other, so that no file has two writers. */
  #lastFetch: Promise<void> = Promise.resolve()

  constructor(parts: SnapshotFetcherParts) {
    this.#parts = parts
  }

  /** The file being written. */
  get fetchingId(): string | undefined {
    return this.#request?.snapshot.id
  }

  /** Replaces an earlier fetch. Resumes a partial file of the same snapshot, whichever node it came from. */
  fetch(from: NodeId, snapshot: SnapshotInfo): void {
    if (this.#request?.snapshot.id === snapshot.id && this.#request.from === from) return
    this.#request?.controller.abort()
    const request = { from, snapshot, controller: new AbortController() }
    this.#request = request
    this.#lastFetch = this.#lastFetch.then(() => this.#run(request))
  }

  /** Resolves once no file is being written. A partial file is kept. */
  async stop(): Promise<void> {
    this.#request?.controller.abort()
    this.#request = undefined
    await this.#lastFetch
  }

  async #run(request: FetchRequest): Promise<void> {
    const { onFetched, onFailed, emit } = this.#parts
    const { from, snapshot } = request
    const { signal } = request.controller
    let failure: unknown
    try {
      if (!signal.aborted) await this.#fetchWithRetries(request)
    } catch (error) {
      failure = error
    }
    if (signal.aborted) return
    this.#request = undefined
    if (failure === undefined) return onFetched(snapshot)
    emit({ type: 'fetchFailed', from, message: errorMessage(failure) })
    onFailed(snapshot, errorMessage(failure))
  }

  async #fetchWithRetries(request: FetchRequest): Promise<void> {
    const { clock, retryMinMs, retryMaxMs, attemptsMax, emit } = this.#parts
    const { signal } = request.controller
    let failures = 0
    for (;;) {
      const progress = { bytes: 0 }
      try {
        return await this.#attempt(request, progress)
      } catch (error) {
        if (signal.aborted || isPermanent(error)) throw error
        failures = progress.bytes > 0 ? 1 : failures + 1
        if (failures >= attemptsMax) throw error
        emit({ type: 'fetchFailed', from: request.from, message: `${errorMessage(error)}; retrying` })
      }
      await sleep(clock, Math.min(retryMinMs * 2 ** (failures - 1), retryMaxMs), signal)
      signal.throwIfAborted()
    }
  }

  async #attempt(request: FetchRequest, progress: { bytes: number }): Promise<void> {
    const { from, snapshot, controller } = request
    const { transport, storage, emit } = this.#parts
    const writer = await storage.snapshots.create(snapshot)
    emit({ type: 'fetchStarted', from, snapshot, offset: writer.offset })
    try {
      const chunks = transport.fetchSnapshot(from, snapshot.id, writer.offset, controller.signal)
      await this.#copy(request, chunks, writer, progress)
    } catch (error) {
      await (isPermanent(error) ? writer.discard() : writer.suspend()).catch(() => undefined)
      throw error
    }
    try {
      await writer.finish()
    } catch (error) {
      // The file is complete but invalid: resuming it cannot help.
      await writer.discard().catch(() => undefined)
      throw error
    }
  }

  async #copy(
    { from, snapshot, controller }: FetchRequest,
    chunks: AsyncIterable<Uint8Array>,
    writer: SnapshotWriter,
    progress: { bytes: number },
  ): Promise<void> {
    const { clock, emit } = this.#parts
    let reportAt = clock.now() + PROGRESS_INTERVAL_MS
    for await (const chunk of chunks) {
      controller.signal.throwIfAborted()
      await writer.write(chunk)
      progress.bytes += chunk.length
      if (clock.now() < reportAt) continue
      reportAt = clock.now() + PROGRESS_INTERVAL_MS
      emit({ type: 'fetchProgress', from, bytes: writer.offset + progress.bytes, size: snapshot.size })
    }
    controller.signal.throwIfAborted()
    const bytes = writer.offset + progress.bytes
    if (bytes < snapshot.size)
      throw new RaftError('ERR_RAFT_UNREACHABLE', `${from} sent ${bytes} of ${snapshot.size} bytes of its snapshot`)
  }
}

/** A retry cannot help: the snapshot no longer exists, or its bytes are damaged. */
function isPermanent(error: unknown): boolean {
  return isRaftError(error, 'ERR_RAFT_SNAPSHOT_GONE') || isRaftError(error, 'ERR_RAFT_CORRUPT')
}

function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    let timer: Timer | undefined
    const done = (): void => {
      timer?.cancel()
      signal.removeEventListener('abort', done)
      resolve()
    }
    timer = clock.wakeAt(clock.now() + ms, done)
    signal.addEventListener('abort', done, { once: true })
  })
}

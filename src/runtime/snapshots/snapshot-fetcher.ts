/**
 * Fetches an offered snapshot into a file, once it fits on the disk: resumes after failures with growing pauses, starts over if its
 * checksum differs, and gives up after `attemptsMax` attempts without progress; sooner if it comes from a follower, since the leader has one too.
 */
import type { Clock, Timer } from '../../contracts/clock.ts'
import type { SnapshotFetch } from '../../contracts/node-service.ts'
import type { RuntimeEvent } from '../../contracts/observer.ts'
import type { SnapshotWriter, Storage } from '../../contracts/storage.ts'
import type { Transport } from '../../contracts/transport.ts'
import type { SnapshotToFetch } from '../../core/effects.ts'
import type { Instant, LogIndex, NodeId, Shortage, SnapshotInfo } from '../../core/types.ts'
import { isRaftError, RaftError } from '../../errors.ts'
import { errorMessage } from '../../platform/error-message.ts'
import type { Alarms } from '../health/alarms.ts'
import { contentIdOf } from './content-id.ts'
import { watchPace } from './slowness-watch.ts'
import { addToChecksum, checksumOf, differsFrom, isIntact } from './snapshot-checksum.ts'

export interface SnapshotFetcherParts {
  readonly transport: Pick<Transport, 'fetchSnapshot'>
  readonly storage: Pick<Storage, 'snapshots' | 'freeBytes'>
  readonly clock: Clock
  readonly alarms: Pick<Alarms, 'raise' | 'clear'>
  /** Must stay free beside the snapshot. */
  readonly freeBytesMin: number
  readonly freeBytesCheckMs: number
  readonly retryMinMs: number
  readonly retryMaxMs: number
  readonly attemptsMax: number
  /** The file is complete, verified and durable. Its id is that of its content. */
  readonly onFetched: (snapshot: SnapshotInfo) => void
  /** The snapshot does not fit on the disk, or fits by now (undefined). */
  readonly onStalled: (snapshot: SnapshotInfo, shortage: Shortage | undefined) => void
  /** So many attempts in a row got no further that an alarm is raised; 0 once it has ended. */
  readonly onCounted: (failures: number) => void
  /** The fetch was given up. */
  readonly onFailed: (snapshot: SnapshotInfo, reason: string) => void
  readonly emit: (event: RuntimeEvent) => void
}

const PROGRESS_INTERVAL_MS = 1000
/** This many attempts in a row that got no further raise an alarm. */
const FAILURES_UNTIL_ALARM = 3
/** As many for a follower, with which a new member may not be connected yet. */
const FOLLOWER_ATTEMPTS_MAX = 3
const NO_SPACE = 'SNAPSHOT_NO_SPACE'
const FAILING = 'SNAPSHOT_FETCH_FAILING'

/** A fetch requested by the core. */
interface FetchRequest {
  readonly from: NodeId
  /** As it was offered. */
  readonly snapshot: SnapshotInfo
  /** The same, under the id of its content: the file on this node. */
  readonly file: SnapshotInfo
  readonly controller: AbortController
  readonly isFromLeader: boolean
  /** Aborted once the follower that sends it is too slow. */
  readonly slowness: AbortController
}

export class SnapshotFetcher {
  readonly #parts: SnapshotFetcherParts
  #request: FetchRequest | undefined
  /** Attempts in a row that got no further than an earlier one, over all snapshots, and when the next attempt may start. */
  #failures = 0
  #nextAt: Instant = Number.NEGATIVE_INFINITY
  /** The most bytes that a failed attempt had. */
  #reached = 0
  #failingIndex: LogIndex = 0
  /** The bytes that the current attempt has, those of earlier attempts included. */
  #progress = { bytes: 0 }
  /** Fetches run one after the other, so that no file has two writers. */
  #lastFetch: Promise<void> = Promise.resolve()

  constructor(parts: SnapshotFetcherParts) {
    this.#parts = parts
  }

  /** The file being written. */
  get fetchingId(): string | undefined {
    return this.#request?.file.id
  }

  /** How far the fetch in progress is. */
  get fetching(): SnapshotFetch | undefined {
    if (this.#request === undefined) return undefined
    const { from, snapshot } = this.#request
    return { from, index: snapshot.index, bytes: this.#progress.bytes, size: snapshot.size }
  }

  /** Replaces an earlier fetch. Resumes a partial file of the same content, whichever node it came from. */
  fetch({ from, leader, snapshot }: SnapshotToFetch): void {
    if (this.#request?.snapshot.id === snapshot.id && this.#request.from === from) return
    this.#request?.controller.abort()
    const file = { ...snapshot, id: contentIdOf(snapshot) }
    const controllers = { controller: new AbortController(), slowness: new AbortController() }
    const request = { from, snapshot, file, isFromLeader: from === leader, ...controllers }
    this.#request = request
    this.#lastFetch = this.#lastFetch.then(() => this.#run(request))
  }

  /** A snapshot that the applied entries cover is not needed any longer. */
  onApplied(index: LogIndex): void {
    if (this.#failures > 0 && index >= this.#failingIndex) this.#onSucceeded()
    if (this.#request === undefined || index < this.#request.snapshot.index) return
    this.#request.controller.abort()
    this.#request = undefined
  }

  /** Resolves once no file is being written. A partial file is kept. */
  async stop(): Promise<void> {
    this.#request?.controller.abort()
    this.#request = undefined
    await this.#lastFetch
  }

  async #run(request: FetchRequest): Promise<void> {
    const { onFetched, onFailed, emit } = this.#parts
    const { from, snapshot, file } = request
    const { signal } = request.controller
    let failure: unknown
    try {
      if (!signal.aborted) await this.#fetchWithRetries(request)
    } catch (error) {
      failure = error
    }
    if (signal.aborted) return
    this.#request = undefined
    if (failure === undefined) return onFetched(file)
    emit({ type: 'fetchFailed', from, code: codeOf(failure), message: errorMessage(failure) })
    onFailed(snapshot, errorMessage(failure))
  }

  async #fetchWithRetries(request: FetchRequest): Promise<void> {
    const { clock, emit } = this.#parts
    const { from, isFromLeader, controller, slowness } = request
    const attemptsMax = isFromLeader ? this.#parts.attemptsMax : FOLLOWER_ATTEMPTS_MAX
    const { signal } = controller
    let failures = 0
    let reached = 0
    for (;;) {
      if (clock.now() < this.#nextAt) await sleep(clock, this.#nextAt, signal)
      const progress = { bytes: 0 }
      this.#progress = progress
      try {
        signal.throwIfAborted()
        await this.#attempt(request, progress)
        return this.#onSucceeded()
      } catch (error) {
        if (signal.aborted) throw error
        failures = progress.bytes > reached ? 1 : failures + 1
        reached = Math.max(reached, progress.bytes)
        this.#onFailed(request, progress.bytes, error)
        if (isPermanent(error) || slowness.signal.aborted || failures >= attemptsMax) throw error
        emit({ type: 'fetchFailed', from, code: codeOf(error), message: `${errorMessage(error)}; retrying` })
      }
    }
  }

  #onFailed({ from, snapshot }: FetchRequest, bytes: number, error: unknown): void {
    const { clock, retryMinMs, retryMaxMs, alarms } = this.#parts
    this.#failures = bytes > this.#reached ? 1 : this.#failures + 1
    this.#reached = Math.max(this.#reached, bytes)
    this.#failingIndex = snapshot.index
    this.#nextAt = clock.now() + Math.min(retryMinMs * 2 ** (this.#failures - 1), retryMaxMs)
    if (this.#failures < FAILURES_UNTIL_ALARM) return
    const message = `the snapshot of ${from} could not be fetched in ${this.#failures} attempts: ${errorMessage(error)}`
    alarms.raise({ code: FAILING, message, details: { from, attempts: this.#failures } })
    this.#parts.onCounted(this.#failures)
  }

  #onSucceeded(): void {
    if (this.#failures >= FAILURES_UNTIL_ALARM) this.#parts.onCounted(0)
    this.#failures = 0
    this.#nextAt = Number.NEGATIVE_INFINITY
    this.#reached = 0
    this.#parts.alarms.clear(FAILING)
  }

  /** Opens the file once the rest of the snapshot fits on the disk. */
  async #openOnceItFits({ snapshot, file, controller }: FetchRequest): Promise<SnapshotWriter> {
    const { storage, clock, freeBytesCheckMs, alarms, onStalled } = this.#parts
    const { signal } = controller
    let isStalled = false
    try {
      for (;;) {
        const writer = await storage.snapshots.create(file)
        let shortage = await this.#shortageFor(snapshot.size - writer.offset)
        if (shortage === undefined) return writer
        await writer.suspend().catch(() => undefined)
        isStalled = true
        while (shortage !== undefined) {
          onStalled(snapshot, shortage)
          const { freeBytes, neededBytes } = shortage
          const message = `the offered snapshot does not fit on the disk: ${neededBytes} bytes are needed, ${freeBytes} are free; free space`
          alarms.raise({ code: NO_SPACE, message, details: { freeBytes, neededBytes } })
          await sleep(clock, clock.now() + freeBytesCheckMs, signal)
          signal.throwIfAborted()
          shortage = await this.#shortageFor(snapshot.size - writer.offset)
        }
      }
    } finally {
      if (isStalled) {
        onStalled(snapshot, undefined)
        alarms.clear(NO_SPACE)
      }
    }
  }

  /** Why this many bytes do not fit, if the storage knows its free space. */
  async #shortageFor(bytes: number): Promise<Shortage | undefined> {
    const { storage, freeBytesMin } = this.#parts
    const freeBytes = await storage.freeBytes().catch(() => undefined)
    const neededBytes = bytes + freeBytesMin
    return freeBytes === undefined || freeBytes >= neededBytes ? undefined : { freeBytes, neededBytes }
  }

  /** `progress.bytes` becomes the length of the file. */
  async #attempt(request: FetchRequest, progress: { bytes: number }): Promise<void> {
    const { from, snapshot, file, isFromLeader, controller, slowness } = request
    const { transport, storage, clock, emit } = this.#parts
    const writer = await this.#openOnceItFits(request)
    progress.bytes = writer.offset
    emit({ type: 'fetchStarted', from, snapshot, offset: writer.offset })
    const isWhole = writer.offset === 0
    const stopWatching = isFromLeader ? () => undefined : watchPace({ clock, from, slowness }, progress)
    const signal = AbortSignal.any([controller.signal, slowness.signal])
    let checksum: number
    try {
      const chunks = transport.fetchSnapshot(from, snapshot.id, writer.offset, signal)
      checksum = await this.#copy(request, chunks, writer, progress)
    } catch (error) {
      await (isPermanent(error) ? writer.discard() : writer.suspend()).catch(() => undefined)
      throw error
    } finally {
      stopWatching()
    }
    try {
      if (isWhole && progress.bytes === snapshot.size) assertIntact(request, checksum)
      await writer.finish()
    } catch (error) {
      // The file is complete but invalid: resuming it cannot help.
      await writer.discard().catch(() => undefined)
      throw error
    }
    // The bytes of earlier attempts are only in the file. If it is damaged, it is never recorded, and the next attempt replaces it.
    if (!isWhole) assertIntact(request, await checksumOf(storage.snapshots.read(file.id, 0)))
  }

  /** Returns the checksum of the bytes that arrived. */
  async #copy(
    { from, snapshot, controller }: FetchRequest,
    chunks: AsyncIterable<Uint8Array>,
    writer: SnapshotWriter,
    progress: { bytes: number },
  ): Promise<number> {
    const { clock, emit } = this.#parts
    let checksum = 0
    let reportAt = clock.now() + PROGRESS_INTERVAL_MS
    for await (const chunk of chunks) {
      controller.signal.throwIfAborted()
      checksum = addToChecksum(checksum, chunk)
      await writer.write(chunk)
      progress.bytes += chunk.length
      if (clock.now() < reportAt) continue
      reportAt = clock.now() + PROGRESS_INTERVAL_MS
      emit({ type: 'fetchProgress', from, bytes: progress.bytes, size: snapshot.size })
    }
    controller.signal.throwIfAborted()
    if (progress.bytes < snapshot.size)
      throw new RaftError(
        'ERR_RAFT_UNREACHABLE',
        `${from} sent ${progress.bytes} of ${snapshot.size} bytes of its snapshot`,
      )
    return checksum
  }
}

/** Throws unless these are the bytes of the snapshot. They may have changed on the way, so another attempt may succeed. */
function assertIntact({ from, snapshot }: FetchRequest, found: number): void {
  if (isIntact(snapshot, found)) return
  const message = `snapshot ${snapshot.id} was damaged on its way from ${from}: it ${differsFrom(snapshot, found)}`
  throw new RaftError('ERR_RAFT_CORRUPT', message, {
    outcome: 'not-applied',
    retryable: true,
    hint: 'it is not installed, and fetched again from its start; if this repeats, check the network and the memory of both machines',
    details: { from, snapshot: snapshot.id },
  })
}

/** A retry cannot help: the snapshot no longer exists, or its source is damaged. */
function isPermanent(error: unknown): boolean {
  if (isRaftError(error, 'ERR_RAFT_CORRUPT')) return !error.retryable
  return isRaftError(error, 'ERR_RAFT_SNAPSHOT_GONE')
}

function codeOf(error: unknown): string {
  return isRaftError(error) ? error.code : 'ERR_RAFT_INTERNAL'
}

/** Resolves at the instant, or when the signal is aborted. */
function sleep(clock: Clock, until: Instant, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    let timer: Timer | undefined
    const done = (): void => {
      timer?.cancel()
      signal.removeEventListener('abort', done)
      resolve()
    }
    timer = clock.wakeAt(until, done)
    signal.addEventListener('abort', done, { once: true })
  })
}

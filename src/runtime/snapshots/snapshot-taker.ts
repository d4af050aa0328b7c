/** Takes snapshots: captures the state at one index and writes it to a file while commands are still applied. One at a time. */
import type { Clock } from '../../contracts/clock.ts'
import type { RuntimeEvent } from '../../contracts/observer.ts'
import type { StateMachine } from '../../contracts/state-machine.ts'
import type { SnapshotWriter, Storage } from '../../contracts/storage.ts'
import type { LogIndex, NodeId, SnapshotInfo } from '../../core/types.ts'
import { RaftError } from '../../errors.ts'
import { errorMessage } from '../../platform/error-message.ts'
import type { Applier } from '../pipeline/applier.ts'
import { addToChecksum } from './snapshot-checksum.ts'
import type { AppliedTotals } from './snapshot-policy.ts'

export interface SnapshotTakerParts {
  readonly id: NodeId
  /** Part of the file names: a restarted node must not reuse the name of an unfinished file. */
  readonly seed: number
  readonly machine: Pick<StateMachine, 'snapshot'>
  readonly applier: Pick<Applier<never, unknown>, 'appliedIndex' | 'appliedBytes' | 'appliedBlocks' | 'atBoundary'>
  readonly storage: Pick<Storage, 'snapshots'>
  readonly clock: Clock
  /** The term of an applied index, the hash chain and the membership in force there. */
  readonly metadataAt: (index: LogIndex) => Pick<SnapshotInfo, 'term' | 'chain' | 'membership'>
  readonly newest: () => SnapshotInfo | undefined
  readonly retryMs: number
  /** How long chunks are written before yielding to the event loop. */
  readonly turnMs: number
  /** Also called with the newest snapshot if that is still current. `applied` is as of its index. */
  readonly onTaken: (snapshot: SnapshotInfo, applied: AppliedTotals, tookMs: number) => void
  readonly emit: (event: RuntimeEvent) => void
}

/** A captured state, and its place in the log. */
interface Capture {
  readonly info: SnapshotInfo
  readonly source: Iterator<Uint8Array> | AsyncIterator<Uint8Array>
  readonly firstChunk: IteratorResult<Uint8Array> | Promise<IteratorResult<Uint8Array>>
  readonly applied: AppliedTotals
}

export class SnapshotTaker {
  readonly #parts: SnapshotTakerParts
  #taking: Promise<SnapshotInfo> | undefined
  #takingId: string | undefined
  #retryAt = Number.NEGATIVE_INFINITY
  #isStopped = false

  constructor(parts: SnapshotTakerParts) {
    this.#parts = parts
  }

  /** The file being written. */
  get takingId(): string | undefined {
    return this.#takingId
  }

  /** Takes a snapshot unless one is being taken or has just failed. A failure is reported as an event. */
  takeIfIdle(): void {
    if (this.#taking !== undefined || this.#isStopped || this.#parts.clock.now() < this.#retryAt) return
    this.take().catch(() => undefined)
  }

  /** Takes a snapshot, or joins the one being taken. If nothing was applied since the newest, resolves with that. */
  take(): Promise<SnapshotInfo> {
    this.#taking ??= this.#take().finally(() => {
      this.#taking = undefined
      this.#takingId = undefined
    })
    return this.#taking
  }

  /** Resolves once no file is being written. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#taking?.catch(() => undefined)
  }

  async #take(): Promise<SnapshotInfo> {
    const { applier, clock, emit, newest, onTaken, retryMs } = this.#parts
    const startedAt = clock.now()
    try {
      const capture = await new Promise<Capture | undefined>((resolve, reject) => {
        applier.atBoundary((isRunning) => {
          try {
            resolve(this.#capture(isRunning))
          } catch (error) {
            reject(error)
          }
        })
      })
      if (capture === undefined) {
        const current = newest() as SnapshotInfo
        onTaken(current, totalsOf(applier), clock.now() - startedAt)
        return current
      }
      const snapshot = { ...capture.info, ...(await this.#write(capture)) }
      const tookMs = clock.now() - startedAt
      emit({ type: 'snapshotTaken', snapshot, tookMs })
      onTaken(snapshot, capture.applied, tookMs)
      return snapshot
    } catch (error) {
      this.#retryAt = clock.now() + retryMs
      if (!this.#isStopped) emit({ type: 'snapshotFailed', message: errorMessage(error) })
      throw error
    }
  }

  /** Captures the state at this instant. Returns undefined if the newest snapshot is of the same index. */
  #capture(isRunning: boolean): Capture | undefined {
    const { applier, machine, metadataAt, newest, emit, seed, id } = this.#parts
    if (!isRunning || this.#isStopped) throw closingError()
    const index = applier.appliedIndex
    const current = newest()
    if (current !== undefined && index <= current.index) return undefined
    if (index === 0)
      throw new RaftError(
        'ERR_RAFT_NOTHING_APPLIED',
        `${id} has applied nothing yet, so there is nothing to snapshot`,
        {
          hint: 'try again once the node has caught up with a leader: quorate status',
        },
      )
    const { term, chain, membership } = metadataAt(index)
    const info = { id: `${index}-${term}-${id}-${seed.toString(36)}`, index, term, chain, membership, size: 0 }
    this.#takingId = info.id
    emit({ type: 'snapshotStarted', index })
    const chunks = machine.snapshot()
    const source = Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]()
    // A generator's body runs only when its first chunk is requested: request it now, so that it sees this state and no later one.
    return { info, source, firstChunk: source.next(), applied: totalsOf(applier) }
  }

  async #write(capture: Capture): Promise<Pick<SnapshotInfo, 'size' | 'checksum'>> {
    const { storage, clock, turnMs } = this.#parts
    const { source } = capture
    // Awaited below. Until then a rejection must not count as unhandled.
    const firstChunk = Promise.resolve(capture.firstChunk)
    firstChunk.catch(() => undefined)
    const writer = await this.#create(storage, capture.info)
    try {
      let until = clock.now() + turnMs
      let checksum = 0
      for (let chunk = await firstChunk; chunk.done !== true; chunk = await source.next()) {
        if (this.#isStopped) throw closingError()
        checksum = addToChecksum(checksum, chunk.value)
        await writer.write(chunk.value)
        if (clock.now() < until) continue
        await new Promise<void>((resolve) => clock.defer(resolve))
        until = clock.now() + turnMs
      }
      return { size: await writer.finish(), checksum }
    } catch (error) {
      await writer.discard().catch(() => undefined)
      await Promise.resolve(source.return?.()).catch(() => undefined)
      throw error
    }
  }

  /** Creates an empty file: a partial one of this name contains an earlier state. */
  async #create(storage: Pick<Storage, 'snapshots'>, info: SnapshotInfo): Promise<SnapshotWriter> {
    const writer = await storage.snapshots.create(info)
    if (writer.offset === 0) return writer
    await writer.discard()
    return storage.snapshots.create(info)
  }
}

/** What the state machine has applied: `entries` is the applied index; blocks and bytes count from the start of the process. */
export function totalsOf({
  appliedIndex,
  appliedBlocks,
  appliedBytes,
}: Pick<Applier<never, unknown>, 'appliedIndex' | 'appliedBytes' | 'appliedBlocks'>): AppliedTotals {
  return { entries: appliedIndex, blocks: appliedBlocks, bytes: appliedBytes }
}

function closingError(): RaftError {
  return new RaftError('ERR_RAFT_CLOSED', 'the snapshot was not finished: the node is closing')
}

/** Takes snapshots: of the state at one instant, to a file, while commands go on being applied. At most one at a time. */
import type { Clock } from '../../contracts/clock.ts'
import type { RuntimeEvent } from '../../contracts/observer.ts'
import type { StateMachine } from '../../contracts/state-machine.ts'
import type { SnapshotWriter, Storage } from '../../contracts/storage.ts'
import type { LogIndex, Membership, NodeId, SnapshotInfo, Term } from '../../core/types.ts'
import { RaftError } from '../../errors.ts'
import type { Applier } from '../pipeline/applier.ts'

export interface SnapshotTakerParts {
  readonly id: NodeId
  /** Makes the file names of this life differ from those of other lives. */
  readonly seed: number
  readonly machine: Pick<StateMachine, 'snapshot'>
  readonly applier: Pick<Applier<never, unknown>, 'appliedIndex' | 'appliedBytes' | 'atBoundary'>
  readonly storage: Pick<Storage, 'snapshots'>
  readonly clock: Clock
  /** Of an applied index: its term, and the membership in force there. */
  readonly metadataAt: (index: LogIndex) => { readonly term: Term; readonly membership: Membership }
  readonly entriesMax: number
  readonly bytesMax: number
  readonly retryMs: number
  /** How long the file is written before the event loop gets its turn. */
  readonly turnMs: number
  readonly onTaken: (snapshot: SnapshotInfo) => void
  readonly emit: (event: RuntimeEvent) => void
}

/** A state that was caught, with the place in the log it belongs to. */
interface Capture {
  readonly info: SnapshotInfo
  readonly source: Iterator<Uint8Array> | AsyncIterator<Uint8Array>
  readonly firstChunk: IteratorResult<Uint8Array> | Promise<IteratorResult<Uint8Array>>
  readonly appliedBytes: number
}

export class SnapshotTaker {
  readonly #parts: SnapshotTakerParts
  /** The newest snapshot that this node has, and how much had been applied then. */
  #newest: SnapshotInfo | undefined
  #bytesAtNewest = 0
  #taking: Promise<SnapshotInfo> | undefined
  #takingId: string | undefined
  #retryAt = Number.NEGATIVE_INFINITY
  #isStopped = false

  constructor(parts: SnapshotTakerParts, recovered: SnapshotInfo | undefined) {
    this.#parts = parts
    this.#newest = recovered
  }

  /** The file being written, which must not be cleared away. */
  get takingId(): string | undefined {
    return this.#takingId
  }

  /** More was applied: is it time? */
  onApplied(): void {
    const { applier, entriesMax, bytesMax } = this.#parts
    const entries = applier.appliedIndex - (this.#newest?.index ?? 0)
    const bytes = applier.appliedBytes - this.#bytesAtNewest
    const isDue = entries >= entriesMax || (bytes >= bytesMax && entries > 0)
    // A large state is not written again and again for a few entries: what is written stays below twice what is applied.
    if (isDue && bytes >= (this.#newest?.size ?? 0)) this.takeIfIdle()
  }

  /** A snapshot of the leader's was installed. */
  onInstalled(snapshot: SnapshotInfo): void {
    this.#newest = snapshot
    this.#bytesAtNewest = this.#parts.applier.appliedBytes
  }

  /** Takes one unless one is being taken or has just failed; nobody waits for it. */
  takeIfIdle(): void {
    if (this.#taking !== undefined || this.#isStopped || this.#parts.clock.now() < this.#retryAt) return
    this.take().catch(() => undefined)
  }

  /** Takes one, or joins the one being taken. If nothing was applied since the newest, that one is the answer. */
  take(): Promise<SnapshotInfo> {
    this.#taking ??= this.#take().finally(() => {
      this.#taking = undefined
      this.#takingId = undefined
    })
    return this.#taking
  }

  /** Resolves once no file is being written any more. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#taking?.catch(() => undefined)
  }

  async #take(): Promise<SnapshotInfo> {
    const { applier, clock, emit, onTaken, retryMs } = this.#parts
    const startedAt = clock.now()
    try {
      const capture = await new Promise<Capture | undefined>((resolve, reject) => {
        applier.atBoundary((isAlive) => {
          try {
            resolve(this.#capture(isAlive))
          } catch (error) {
            reject(error)
          }
        })
      })
      if (capture === undefined) {
        const newest = this.#newest as SnapshotInfo
        onTaken(newest)
        return newest
      }
      const snapshot = { ...capture.info, size: await this.#write(capture) }
      // One of the leader's may have been installed meanwhile.
      if (snapshot.index > (this.#newest?.index ?? 0)) {
        this.#newest = snapshot
        this.#bytesAtNewest = capture.appliedBytes
      }
      emit({ type: 'snapshotTaken', snapshot, tookMs: clock.now() - startedAt })
      onTaken(snapshot)
      return snapshot
    } catch (error) {
      this.#retryAt = clock.now() + retryMs
      if (!this.#isStopped) emit({ type: 'snapshotFailed', message: messageOf(error) })
      throw error
    }
  }

  /** The state as it is at this instant, and what it is the state of. Undefined if the newest snapshot is just that. */
  #capture(isRunning: boolean): Capture | undefined {
    const { applier, machine, metadataAt, emit, seed, id } = this.#parts
    if (!isRunning || this.#isStopped) throw closingError()
    const index = applier.appliedIndex
    if (this.#newest !== undefined && index <= this.#newest.index) return undefined
    if (index === 0) throw new RaftError('ERR_RAFT_SNAPSHOT_GONE', 'nothing was applied yet: there is nothing to take')
    const { term, membership } = metadataAt(index)
    const info = { id: `${index}-${term}-${id}-${seed.toString(36)}`, index, term, membership, size: 0 }
    this.#takingId = info.id
    emit({ type: 'snapshotStarted', index })
    const chunks = machine.snapshot()
    const source = Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]()
    // A generator's body runs only when it is first asked: it is asked now, so that it sees this state and no later one.
    return { info, source, firstChunk: source.next(), appliedBytes: applier.appliedBytes }
  }

  async #write(capture: Capture): Promise<number> {
    const { storage, clock, turnMs } = this.#parts
    const { source } = capture
    // Looked at later: until then its failure is nobody's yet.
    const firstChunk = Promise.resolve(capture.firstChunk)
    firstChunk.catch(() => undefined)
    const writer = await this.#create(storage, capture.info)
    try {
      let until = clock.now() + turnMs
      for (let chunk = await firstChunk; chunk.done !== true; chunk = await source.next()) {
        if (this.#isStopped) throw closingError()
        await writer.write(chunk.value)
        if (clock.now() < until) continue
        await new Promise<void>((resolve) => clock.defer(resolve))
        until = clock.now() + turnMs
      }
      return await writer.finish()
    } catch (error) {
      await writer.discard().catch(() => undefined)
      await Promise.resolve(source.return?.()).catch(() => undefined)
      throw error
    }
  }

  /** A new file: what an earlier attempt has left under this name is of another state. */
  async #create(storage: Pick<Storage, 'snapshots'>, info: SnapshotInfo): Promise<SnapshotWriter> {
    const writer = await storage.snapshots.create(info)
    if (writer.offset === 0) return writer
    await writer.discard()
    return storage.snapshots.create(info)
  }
}

function closingError(): RaftError {
  return new RaftError('ERR_RAFT_CLOSED', 'the snapshot was not finished: the node is closing')
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

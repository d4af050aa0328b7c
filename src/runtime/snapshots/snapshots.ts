/** The snapshots of a node: decides when to take one, fetches those of others, serves them to peers and removes old files. */
import type { Clock } from '../../contracts/clock.ts'
import type { SnapshotFetch } from '../../contracts/node-service.ts'
import type { RuntimeEvent } from '../../contracts/observer.ts'
import type { StateMachine } from '../../contracts/state-machine.ts'
import type { Storage } from '../../contracts/storage.ts'
import type { Transport } from '../../contracts/transport.ts'
import type { SnapshotToFetch } from '../../core/effects.ts'
import type { Input } from '../../core/inputs.ts'
import type { NodeId, SnapshotInfo } from '../../core/types.ts'
import type { Alarms } from '../health/alarms.ts'
import type { RuntimeOptions } from '../options.ts'
import type { AdaptivePace } from './adaptive-pace.ts'
import { Pacer } from './pacer.ts'
import { SnapshotFetcher } from './snapshot-fetcher.ts'
import type { AppliedTotals } from './snapshot-policy.ts'
import { SnapshotPolicy } from './snapshot-policy.ts'
import { SnapshotRetention } from './snapshot-retention.ts'
import type { SnapshotTakerParts } from './snapshot-taker.ts'
import { SnapshotTaker, totalsOf } from './snapshot-taker.ts'

export interface SnapshotsParts extends Pick<SnapshotTakerParts, 'applier' | 'metadataAt'> {
  readonly options: RuntimeOptions & { readonly id: NodeId; readonly seed: number }
  readonly machine: Pick<StateMachine, 'snapshot'>
  readonly storage: Pick<Storage, 'snapshots' | 'freeBytes'>
  readonly transport: Pick<Transport, 'fetchSnapshot'>
  readonly clock: Clock
  /** The snapshot that the storage had at start. */
  readonly recovered: SnapshotInfo | undefined
  readonly post: (input: Input) => void
  readonly alarms: Pick<Alarms, 'raise' | 'clear'>
  /** How fast snapshots may be sent beside writes. */
  readonly pace: AdaptivePace
  /** The free bytes of the disk while it is short of space. */
  readonly lowSpace: () => number | undefined
  readonly emit: (event: RuntimeEvent) => void
}

export class Snapshots {
  readonly #parts: SnapshotsParts
  readonly #taker: SnapshotTaker
  readonly #fetcher: SnapshotFetcher
  readonly #retention: SnapshotRetention
  readonly #policy: SnapshotPolicy
  readonly #pacer: Pacer
  /** The newest snapshot that was taken or restored, and what was applied up to then. It may not be recorded in the log yet. */
  #newest: SnapshotInfo | undefined
  #appliedAtNewest: AppliedTotals
  /** The newest snapshot whose record is durable. */
  #recorded: SnapshotInfo | undefined

  constructor(parts: SnapshotsParts) {
    const { options, machine, storage, transport, clock, applier, metadataAt, recovered, post, alarms, emit } = parts
    this.#parts = parts
    this.#policy = new SnapshotPolicy(options)
    this.#pacer = new Pacer(options.snapshotSendBytesPerSecond, parts.pace, clock)
    this.#newest = recovered
    this.#appliedAtNewest = { entries: recovered?.index ?? 0, blocks: 0, bytes: 0 }
    this.#recorded = recovered
    this.#taker = new SnapshotTaker({
      ...{ id: options.id, seed: options.seed, machine, applier, storage, clock, metadataAt, emit },
      retryMs: options.snapshotRetryMs,
      turnMs: options.applyTurnMs,
      newest: () => this.#newest,
      onTaken: (snapshot, applied, tookMs) => this.#onTaken(snapshot, applied, tookMs),
    })
    this.#fetcher = new SnapshotFetcher({
      ...{ transport, storage, clock, alarms, emit },
      freeBytesMin: options.freeBytesMin,
      freeBytesCheckMs: options.freeBytesCheckMs,
      onStalled: (snapshot, shortage) => post({ type: 'snapshotFetchStalled', snapshot, shortage }),
      onCounted: (failed) => post({ type: 'snapshotFetchesCounted', failed }),
      retryMinMs: options.fetchRetryMinMs,
      retryMaxMs: options.fetchRetryMaxMs,
      attemptsMax: options.fetchAttemptsMax,
      onFetched: (snapshot) => {
        this.#retention.onFinished(snapshot)
        post({ type: 'snapshotFetched', snapshot })
      },
      onFailed: (snapshot, reason) => post({ type: 'snapshotFetchFailed', snapshot, reason }),
    })
    this.#retention = new SnapshotRetention({
      storage,
      recovered: recovered?.id,
      inProgress: () => [this.#taker.takingId, this.#fetcher.fetchingId],
      onFailed: (message) => emit({ type: 'snapshotFailed', message }),
      // The state in memory is whole, and a new file replaces the damaged one.
      onDamaged: () => this.takeIfIdle(),
    })
  }

  /** Takes a snapshot if enough was applied since the newest one. */
  onApplied(): void {
    const { applier } = this.#parts
    this.#fetcher.onApplied(applier.appliedIndex)
    this.takeIfDue()
  }

  /** Also called while the disk is short of space, when a leader applies nothing. */
  takeIfDue(): void {
    const { applier, clock, lowSpace } = this.#parts
    const before = this.#appliedAtNewest
    const { entries, blocks, bytes } = totalsOf(applier)
    const since = { entries: entries - before.entries, blocks: blocks - before.blocks, bytes: bytes - before.bytes }
    if (this.#policy.isDue(since, this.#newest?.size ?? 0, clock.now(), lowSpace())) this.takeIfIdle()
  }

  /** The state machine was restored from a snapshot of the leader. */
  onRestored(snapshot: SnapshotInfo): void {
    this.#newest = snapshot
    this.#appliedAtNewest = totalsOf(this.#parts.applier)
  }

  /** The write that makes this the snapshot of the log is durable. */
  onRecorded(snapshot: SnapshotInfo): void {
    this.#recorded = snapshot
    this.#retention.onRecorded(snapshot)
  }

  /** Takes a snapshot, or joins the one being taken. If nothing was applied since the newest, resolves with that. */
  take(): Promise<SnapshotInfo> {
    return this.#taker.take()
  }

  /** Takes a snapshot unless one is being taken or has just failed. */
  takeIfIdle(): void {
    this.#taker.takeIfIdle()
  }

  /** How far the fetch in progress is. */
  get fetching(): SnapshotFetch | undefined {
    return this.#fetcher.fetching
  }

  /** Replaces an earlier fetch. */
  fetch(wanted: SnapshotToFetch): void {
    this.#fetcher.fetch(wanted)
  }

  /** The newest snapshot that is recorded in the storage. */
  get recorded(): SnapshotInfo | undefined {
    return this.#recorded
  }

  /** The bytes of a snapshot of this node; the file is kept while it is being read. */
  readOwn(id: string): AsyncIterable<Uint8Array> {
    return this.#retention.readKept(id, 0)
  }

  /** One chunk of a snapshot of this node: at least one byte, unless `offset` is its end. */
  async readPart(id: string, offset: number): Promise<Uint8Array> {
    for await (const chunk of this.#retention.readKept(id, offset)) return chunk
    return new Uint8Array(0)
  }

  /** The bytes of a snapshot for a peer; the file is kept while it is being read. */
  read(id: string, offset: number): AsyncIterable<Uint8Array> {
    return this.#retention.read(id, offset)
  }

  /** The same, for another node: at a pace for all that are sent, which depends on how long writes take meanwhile. */
  send(id: string, offset: number): AsyncIterable<Uint8Array> {
    return this.#pacer.pace(this.read(id, offset))
  }

  /** The snapshots that are being sent end without waiting. */
  stopSending(): void {
    this.#pacer.stop()
  }

  /** Resolves once no snapshot is being taken. */
  stopTaking(): Promise<void> {
    return this.#taker.stop()
  }

  /** Resolves once no snapshot is being fetched. */
  stopFetching(): Promise<void> {
    return this.#fetcher.stop()
  }

  #onTaken(snapshot: SnapshotInfo, applied: AppliedTotals, tookMs: number): void {
    this.#policy.onTaken(tookMs, this.#parts.clock.now())
    // One from the leader may have been restored in the meantime.
    if (snapshot.index > (this.#newest?.index ?? 0)) {
      this.#newest = snapshot
      this.#appliedAtNewest = applied
    }
    this.#retention.onFinished(snapshot)
    this.#parts.post({ type: 'snapshotTaken', snapshot })
  }
}

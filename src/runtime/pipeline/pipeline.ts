/** Everything between an input of the core and its effects: the driver, the disk writes, the sent messages, the state machine. */
import type { Clock } from '../../contracts/clock.ts'
import type { EncodedBlock } from '../../contracts/encoded-block.ts'
import type { QueueStatus } from '../../contracts/node-service.ts'
import type { Storage } from '../../contracts/storage.ts'
import type { Transport } from '../../contracts/transport.ts'
import type { LogIndex, SnapshotInfo } from '../../core/types.ts'
import type { SessionMachine } from '../../sessions/session-machine.ts'
import type { Proposals } from '../calls/proposals.ts'
import type { DiskSpeed } from '../health/disk-speed.ts'
import type { Meters } from '../meters.ts'
import type { RuntimeOptions } from '../options.ts'
import { Applier } from './applier.ts'
import { BlockCache } from './block-cache.ts'
import { DigestPoints } from './digest-points.ts'
import type { EffectHandlers, RaftCore } from './driver.ts'
import { Driver } from './driver.ts'
import { Mailbox } from './mailbox.ts'
import { Persister } from './persister.ts'
import { Sender } from './sender.ts'

/** The rest of the node: carries out the effects that the pipeline does not, and receives its reports. No method may throw. */
export interface PipelineHost
  extends Pick<
    EffectHandlers,
    'collectInputs' | 'settle' | 'events' | 'fetch' | 'takeSnapshot' | 'afterStep' | 'onFatalError'
  > {
  /** The commands of this block are applied next. */
  onBlock(block: EncodedBlock): void
  onApplied(index: LogIndex): void
  onRestored(snapshot: SnapshotInfo, tookMs: number): void
  onSnapshotRecorded(snapshot: SnapshotInfo): void
  /** The disk or the state machine has failed: the node must stop. */
  onFailed(error: unknown): void
}

export interface PipelineParts<Command, Result> {
  readonly core: RaftCore
  readonly clock: Clock
  readonly storage: Storage
  readonly transport: Transport
  readonly machine: SessionMachine<Command, Result>
  readonly proposals: Proposals<Result>
  readonly options: RuntimeOptions
  readonly diskSpeed: DiskSpeed
  readonly meters: Meters
  readonly host: PipelineHost
}

export class Pipeline<Command, Result> {
  readonly driver: Driver
  readonly applier: Applier<Command, Result>
  readonly #sender: Sender
  readonly #persister: Persister
  readonly #mailbox: Mailbox

  constructor({
    core,
    clock,
    storage,
    transport,
    machine,
    proposals,
    options,
    diskSpeed,
    meters,
    host,
  }: PipelineParts<Command, Result>) {
    const cache = new BlockCache(options.blockCacheBytesMax)
    const onFailed = (error: unknown): void => host.onFailed(error)
    const digestPoints = new DigestPoints({
      ...{ machine, digestEntries: options.digestEntries },
      onDigested: (digest) => this.driver.post({ type: 'digested', digest }),
    })
    this.applier = new Applier({
      ...{ digestPoints, machine, storage, cache, clock, meters, proposals, onFailed },
      blockAt: (index) => core.blockAt(index),
      readBytesMax: options.readBytesMax,
      applyTurnMs: options.applyTurnMs,
      onBlock: (block) => host.onBlock(block),
      onApplied: (index) => host.onApplied(index),
      onRestored: (snapshot, tookMs) => host.onRestored(snapshot, tookMs),
    })
    this.#sender = new Sender({ transport, storage, cache, onFailed, queueMax: options.sendQueueMax })
    this.#persister = new Persister({
      ...{ storage, clock, cache, onFailed },
      diskSpeed,
      meters,
      lazyWriteMs: options.lazyWriteMs,
      release: (outgoing) => this.#sender.send(outgoing),
      onPersisted: (number) => this.driver.post({ type: 'persisted', number }),
      onSnapshotRecorded: (snapshot) => host.onSnapshotRecorded(snapshot),
    })
    this.#mailbox = new Mailbox({ messagesMax: options.mailboxMessagesMax, bytesMax: options.mailboxBytesMax })
    this.driver = new Driver({ core, clock, mailbox: this.#mailbox, handlers: this.#effectHandlers(host) })
  }

  get queues(): readonly QueueStatus[] {
    return [...this.#mailbox.queues, ...this.#sender.queues]
  }

  /** Sends and applies nothing more. The proposals of a half-applied block end as unknown. */
  stop(why: string, cause?: Error): void {
    this.#sender.stop()
    this.applier.stop(why, cause)
  }

  /** Resolves once every write is durable or has failed. Never rejects. */
  drain(): Promise<void> {
    return this.#persister.drain().catch(() => undefined)
  }

  stopWriting(): void {
    this.#persister.stop()
  }

  #effectHandlers(host: PipelineHost): EffectHandlers {
    return {
      collectInputs: (post) => host.collectInputs(post),
      persist: (persist) => this.#persister.persist(persist),
      settle: (settlements) => host.settle(settlements),
      events: (events) => host.events(events),
      send: (outgoing) => this.#sender.send(outgoing),
      install: (snapshot) => this.applier.install(snapshot),
      apply: (range) => this.applier.apply(range),
      fetch: (wanted) => host.fetch(wanted),
      takeSnapshot: () => host.takeSnapshot(),
      afterStep: () => host.afterStep(),
      onFatalError: (cause) => host.onFatalError(cause),
    }
  }
}

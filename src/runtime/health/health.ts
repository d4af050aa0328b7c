/** Watches what keeps a node from working well: its disk's space, speed and damage, and its peers. Raises alarms, and hands leadership over. */
import type { Clock } from '../../contracts/clock.ts'
import type { RuntimeEvent } from '../../contracts/observer.ts'
import type { Storage } from '../../contracts/storage.ts'
import type { RaftEvent } from '../../core/events.ts'
import type { Input } from '../../core/inputs.ts'
import type { RaftOptions } from '../../core/options.ts'
import type { RaftStatus } from '../../core/status.ts'
import type { RaftError } from '../../errors.ts'
import type { RuntimeOptions } from '../options.ts'
import type { RaftCore } from '../pipeline/driver.ts'
import type { Snapshots } from '../snapshots/snapshots.ts'
import { Alarms } from './alarms.ts'
import { DiskSpace } from './disk-space.ts'
import { DiskSpeed } from './disk-speed.ts'
import { PeerAlarms } from './peer-alarms.ts'
import { RepeatedTransfer } from './repeated-transfer.ts'
import { Scrubber } from './scrubber.ts'
import type { Delays } from './timeouts.ts'
import { Timeouts } from './timeouts.ts'

export interface HealthParts {
  readonly core: Pick<RaftCore, 'status' | 'blockAt'>
  readonly storage: Pick<Storage, 'freeBytes' | 'read'>
  readonly clock: Clock
  readonly options: RuntimeOptions & RaftOptions
  readonly emit: (event: RuntimeEvent) => void
  /** The rest of the node, which exists once the node starts. */
  readonly node: {
    isRunning(): boolean
    /** Whether the state machine is up to date and not being restored. */
    isReadable(): boolean
    status(): RaftStatus
    post(input: Input): void
    transferLeadership(options: { readonly toFasterDisk?: boolean }): Promise<unknown>
    snapshots(): Pick<Snapshots, 'recorded' | 'readOwn' | 'takeIfDue'>
    /** The stored data is damaged: the node must stop. */
    onDamaged(error: RaftError): void
  }
}

export class Health {
  readonly alarms: Alarms
  readonly diskSpeed: DiskSpeed
  readonly #parts: HealthParts
  readonly #diskSpace: DiskSpace
  readonly #shortageTransfer: RepeatedTransfer
  readonly #peerAlarms: PeerAlarms
  readonly #timeouts: Timeouts
  #scrubber: Scrubber | undefined

  constructor(parts: HealthParts) {
    const { clock, emit, storage, options, node } = parts
    this.#parts = parts
    this.alarms = new Alarms({ clock, emit })
    this.#peerAlarms = new PeerAlarms(this.alarms, clock)
    const status = (): RaftStatus => node.status()
    this.#shortageTransfer = new RepeatedTransfer({
      ...{ clock, status, emit, retryMinMs: options.freeBytesCheckMs, retryMaxMs: options.shortageRetryMaxMs },
      transfer: () => node.transferLeadership({}),
    })
    const slowDiskTransfer = new RepeatedTransfer({
      ...{ clock, status, emit, retryMinMs: options.slowDiskRetryMinMs, retryMaxMs: options.slowDiskRetryMaxMs },
      forgetMs: options.slowDiskRetryMaxMs,
      transfer: () => node.transferLeadership({ toFasterDisk: true }),
    })
    this.diskSpeed = new DiskSpeed({
      ...{ clock, alarms: this.alarms, slowDiskMs: options.slowDiskMs, periodMs: options.slowDiskPeriodMs },
      onTimed: (writeMs) => node.post({ type: 'diskTimed', writeMs }),
      onSlow: () => {
        if (node.isRunning()) slowDiskTransfer.onUnfit()
      },
    })
    this.#timeouts = new Timeouts({ clock, options, alarms: this.alarms, delays: () => this.delays })
    this.#diskSpace = new DiskSpace({
      ...{ storage, clock, freeBytesMin: options.freeBytesMin, checkMs: options.freeBytesCheckMs },
      ...{ emit, alarms: this.alarms },
      onLow: (shortage) => {
        if (!node.isRunning()) return
        node.post({ type: 'spaceChecked', shortage })
        node.snapshots().takeIfDue()
        this.#shortageTransfer.onUnfit()
      },
      onBack: () => {
        node.post({ type: 'spaceChecked', shortage: undefined })
        this.#shortageTransfer.onEnded()
      },
    })
  }

  /** The longest recent delays of this node. */
  get delays(): Delays {
    const { membership, peers } = this.#parts.node.status()
    const [slowest] = peers
      .filter(({ id, isReplicating }) => isReplicating && membership.voters.includes(id))
      .toSorted((a, b) => b.responseMs - a.responseMs)
    return {
      loopDelayMs: this.#parts.clock.loopDelayMs?.() ?? 0,
      writeMs: this.diskSpeed.slowestMs,
      response: slowest === undefined ? undefined : { peer: slowest.id, ms: slowest.responseMs },
    }
  }

  /** As of the last check; undefined if the storage does not report it. */
  get freeBytes(): number | undefined {
    return this.#diskSpace.freeBytes
  }

  /** The free bytes while the disk is short of space. */
  get lowSpace(): number | undefined {
    return this.#diskSpace.isLow ? this.#diskSpace.freeBytes : undefined
  }

  /** The error that rejects proposals of a leader short of disk space. Any other node need not write: the core names the leader. */
  get shortageError(): RaftError | undefined {
    const error = this.#diskSpace.writeError
    const isRejecting = error !== undefined && !this.#shortageTransfer.isActive
    return isRejecting && this.#parts.node.status().role === 'leader' ? error : undefined
  }

  onEvent(event: RaftEvent): void {
    this.#peerAlarms.onEvent(event)
  }

  start(): void {
    void this.#diskSpace.watch()
    this.#timeouts.start()
    this.#scrubber = this.#makeScrubber()
    this.#scrubber.start()
  }

  /** Resolves once nothing is being read. */
  async stop(): Promise<void> {
    this.#diskSpace.stop()
    this.#timeouts.stop()
    this.diskSpeed.stop()
    this.#peerAlarms.stop()
    await this.#scrubber?.stop()
  }

  #makeScrubber(): Scrubber {
    const { core, storage, clock, options, emit, node } = this.#parts
    return new Scrubber({
      ...{ core, storage, clock, emit, snapshots: node.snapshots(), alarms: this.alarms },
      bytesPerSecond: options.scrubBytesPerSecond,
      intervalMs: options.scrubIntervalMs,
      isIdle: () => node.isReadable() && !this.#diskSpace.isLow,
      onDamaged: (error) => node.onDamaged(error),
    })
  }
}

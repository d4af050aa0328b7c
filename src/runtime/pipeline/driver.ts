/** The event loop of a node: takes the inputs of one turn, steps the core once, and dispatches its effects. Nothing else steps the core. */
import type { Clock, Timer } from '../../contracts/clock.ts'
import type { PeerMessage } from '../../contracts/transport.ts'
import type { Effects, Persist, Settlement, SnapshotToFetch } from '../../core/effects.ts'
import type { RaftEvent } from '../../core/events.ts'
import type { Input } from '../../core/inputs.ts'
import type { Outgoing } from '../../core/messages.ts'
import type { RaftStatus } from '../../core/status.ts'
import type { Instant, LinkedBlock, LogIndex, LogRange, NodeId, SnapshotInfo } from '../../core/types.ts'
import type { Mailbox } from './mailbox.ts'

/** What a node needs from its core: `Raft`, or a wrapper around it that a simulator or test supplies. */
export interface RaftCore {
  step(now: Instant, inputs: readonly Input[]): Effects
  status(now: Instant): RaftStatus
  blockAt(index: LogIndex): LinkedBlock | undefined
  snapshotMetadata(index: LogIndex): Pick<SnapshotInfo, 'index' | 'term' | 'chain' | 'membership'>
}

/** Carries out the effects. None of these may throw or step the core. */
export interface EffectHandlers {
  /** Called before each step, to turn queued proposals and reads into inputs. */
  collectInputs(post: (input: Input) => void): void
  persist(persist: Persist): void
  settle(settlements: readonly Settlement[]): void
  events(events: readonly RaftEvent[]): void
  send(outgoing: readonly Outgoing[]): void
  install(snapshot: SnapshotInfo): void
  apply(range: LogRange): void
  fetch(wanted: SnapshotToFetch): void
  takeSnapshot(): void
  afterStep(): void
  /** The core or a handler threw: a bug. No further step follows. */
  onFatalError(cause: unknown): void
}

export interface DriverParts {
  readonly core: RaftCore
  readonly clock: Clock
  readonly mailbox: Mailbox
  readonly handlers: EffectHandlers
}

export class Driver {
  readonly #core: RaftCore
  readonly #clock: Clock
  readonly #mailbox: Mailbox
  readonly #handlers: EffectHandlers
  readonly #post = (input: Input): void => this.#mailbox.post(input)
  readonly #turn = (): void => this.#runTurn()
  #isScheduled = false
  #isStopped = false
  #wakeAt: Instant = Number.POSITIVE_INFINITY
  #timer: { readonly at: Instant; readonly timer: Timer } | undefined

  constructor(parts: DriverParts) {
    this.#core = parts.core
    this.#clock = parts.clock
    this.#mailbox = parts.mailbox
    this.#handlers = parts.handlers
  }

  /** Takes the first step, synchronously: it continues what recovery found (a restore, entries to apply). */
  start(): void {
    this.#step([])
  }

  /** Schedules a turn, unless one is scheduled already. */
  wake(): void {
    if (this.#isScheduled || this.#isStopped) return
    this.#isScheduled = true
    this.#clock.defer(this.#turn)
  }

  post(input: Input): void {
    if (this.#isStopped) return
    this.#mailbox.post(input)
    this.wake()
  }

  /** Posts the queued proposals and reads now, so that they precede what is posted next. */
  collectInputs(): void {
    if (!this.#isStopped) this.#handlers.collectInputs(this.#post)
  }

  receive(from: NodeId, message: PeerMessage): void {
    if (!this.#isStopped && this.#mailbox.receive(from, message)) this.wake()
  }

  status(): RaftStatus {
    return this.#core.status(this.#clock.now())
  }

  /** No step follows. */
  stop(): void {
    this.#isStopped = true
    this.#timer?.timer.cancel()
    this.#timer = undefined
  }

  #runTurn(): void {
    this.#isScheduled = false
    if (this.#isStopped) return
    this.#handlers.collectInputs(this.#post)
    const inputs = this.#mailbox.take()
    if (inputs.length > 0) this.#step(inputs)
  }

  #step(inputs: readonly Input[]): void {
    try {
      this.#dispatch(this.#core.step(this.#clock.now(), inputs))
      this.#handlers.afterStep()
    } catch (cause) {
      this.stop()
      this.#handlers.onFatalError(cause)
    }
  }

  /**
   * The order is fixed. The disk write starts first, because most other things wait for it. Settlements and events precede messages,
   * because a membership event connects new peers, and a message to an unconnected peer is dropped. The state machine comes last.
   */
  #dispatch(effects: Effects): void {
    const handlers = this.#handlers
    if (effects.persist !== undefined) handlers.persist(effects.persist)
    if (effects.settle.length > 0) handlers.settle(effects.settle)
    if (effects.events.length > 0) handlers.events(effects.events)
    if (effects.send.length > 0) handlers.send(effects.send)
    if (effects.install !== undefined) handlers.install(effects.install)
    if (effects.apply !== undefined) handlers.apply(effects.apply)
    if (effects.fetch !== undefined) handlers.fetch(effects.fetch)
    if (effects.takeSnapshot) handlers.takeSnapshot()
    this.#arm(effects.wakeAt)
  }

  /** A later deadline keeps the current timer, which re-arms when it fires; most steps then create no timer. */
  #arm(wakeAt: Instant): void {
    this.#wakeAt = wakeAt
    if (this.#isStopped || (this.#timer !== undefined && this.#timer.at <= wakeAt)) return
    this.#timer?.timer.cancel()
    this.#timer = undefined
    if (wakeAt === Number.POSITIVE_INFINITY) return
    this.#timer = { at: wakeAt, timer: this.#clock.wakeAt(wakeAt, () => this.#onTimer()) }
  }

  #onTimer(): void {
    this.#timer = undefined
    if (this.#clock.now() < this.#wakeAt) this.#arm(this.#wakeAt)
    else this.post({ type: 'timeout' })
  }
}

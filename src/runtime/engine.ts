/** All the parts of one node, wired together: who tells whom what, how it begins, and how it ends. */
import type { Clock } from '../contracts/clock.ts'
import type { NodeStatus } from '../contracts/node-service.ts'
import type { NodeEvent } from '../contracts/observer.ts'
import type { Codec, StateMachine } from '../contracts/state-machine.ts'
import type { RecoveredState, Storage } from '../contracts/storage.ts'
import type { PeerIdentity, Transport } from '../contracts/transport.ts'
import type { Rejection, Settlement } from '../core/effects.ts'
import type { RaftEvent } from '../core/events.ts'
import type { RaftOptions } from '../core/options.ts'
import type { LogIndex, NodeId, Term } from '../core/types.ts'
import { isRaftError, RaftError } from '../errors.ts'
import { Applier } from './applier.ts'
import { BlockCache } from './block-cache.ts'
import { Deadlines } from './deadlines.ts'
import type { Core, Hands } from './driver.ts'
import { Driver } from './driver.ts'
import type { EventHub } from './event-hub.ts'
import { Fetcher } from './fetcher.ts'
import { Gate } from './gate.ts'
import { Handover } from './handover.ts'
import { Mailbox } from './mailbox.ts'
import type { RuntimeOptions } from './options.ts'
import { PeerLinks } from './peer-links.ts'
import { Persister } from './persister.ts'
import { Proposals } from './proposals.ts'
import { Reads } from './reads.ts'
import { errorOf, internalError, removed } from './refusals.ts'
import { Requests } from './requests.ts'
import { Roster } from './roster.ts'
import { Sender } from './sender.ts'
import { SnapshotShelf } from './snapshot-shelf.ts'
import { Snapshotter } from './snapshotter.ts'
import { Space } from './space.ts'
import { transportHost } from './transport-host.ts'
import { VERSION } from './version.ts'
import { Watchers } from './watchers.ts'

export interface EngineParts<Command, Result> {
  readonly core: Core
  readonly recovered: RecoveredState
  readonly options: RuntimeOptions & RaftOptions
  readonly addresses: Readonly<Record<NodeId, string>>
  readonly machine: StateMachine<Command, Result>
  readonly codec: Codec<Command>
  readonly storage: Storage
  readonly transport: Transport
  readonly clock: Clock
  readonly hub: EventHub
}

/** Why a read may be confirmed a little later. */
const PASSING: ReadonlySet<Rejection['reason']> = new Set(['no-leader', 'leadership-lost', 'timed-out'])

export class Engine<Command, Result> {
  readonly options: RuntimeOptions & RaftOptions
  readonly hub: EventHub
  readonly proposals: Proposals
  readonly reads: Reads
  readonly requests: Requests
  readonly watchers: Watchers
  readonly deadlines: Deadlines
  readonly snapshotter: Snapshotter
  readonly space: Space
  readonly driver: Driver
  readonly handover: Handover
  /** Resolves with the reason once the node has stopped for good by itself. Never rejects. */
  readonly failed: Promise<RaftError>
  readonly #parts: EngineParts<Command, Result>
  readonly #identity: PeerIdentity
  readonly #roster: Roster
  readonly #gate: Gate
  readonly #links: PeerLinks
  readonly #persister: Persister
  readonly #sender: Sender
  readonly #applier: Applier<Command, Result>
  readonly #fetcher: Fetcher
  readonly #shelf: SnapshotShelf
  #tellFailure: (error: RaftError) => void = () => undefined
  #failure: RaftError | undefined
  #isClosing = false

  constructor(parts: EngineParts<Command, Result>) {
    const { core, recovered, options, machine, codec, storage, transport, clock, hub } = parts
    const { id } = options
    this.#parts = parts
    this.options = options
    this.hub = hub
    this.failed = new Promise((resolve) => {
      this.#tellFailure = resolve
    })
    const event = (happened: NodeEvent): void => hub.emit(happened)
    const failed = (error: unknown): void => this.fail(error)
    const { identity, directoryId } = recovered
    this.#identity = { clusterId: identity.clusterId, nodeId: id, directoryId }
    const { term, membership } = core.status(clock.now())
    this.#roster = new Roster(id, term, membership, parts.addresses)
    this.#gate = new Gate(this.#identity, this.#roster)
    const farewellMs = 2 * options.electionTimeoutMaxMs
    this.#links = new PeerLinks({ roster: this.#roster, transport, clock, farewellMs })
    this.proposals = new Proposals(options)
    this.requests = new Requests((leader) => this.#roster.leaderHint(leader))
    this.watchers = new Watchers(() => this.status())
    const cache = new BlockCache(options.blockCacheBytesMax)
    this.#applier = new Applier({
      ...{ machine, codec, storage, cache, clock, failed },
      proposals: this.proposals,
      readBytesMax: options.readBytesMax,
      applyTurnMs: options.applyTurnMs,
      applied: (index) => this.#onApplied(index),
      restored: (snapshot, tookMs) => {
        this.snapshotter.installed(snapshot)
        event({ type: 'restored', index: snapshot.index, tookMs })
      },
    })
    this.reads = new Reads({ applied: this.#applier, clock, wake: () => this.driver.wake() })
    this.deadlines = new Deadlines(clock, options.callTimeoutMs, [
      (now) => this.proposals.sweep(now),
      (now) => this.reads.sweep(now),
      (now) => this.requests.sweep(now),
      (now) => this.watchers.sweep(now),
    ])
    this.#sender = new Sender({ transport, storage, cache, failed, queueMax: options.sendQueueMax })
    this.#persister = new Persister({
      ...{ storage, clock, cache, failed },
      lazyWriteMs: options.lazyWriteMs,
      release: (outgoing) => this.#sender.send(outgoing),
      persisted: (number) => this.driver.post({ type: 'persisted', number }),
      snapshotRecorded: (snapshot) => this.#shelf.recorded(snapshot),
    })
    this.snapshotter = new Snapshotter(
      {
        ...{ id, machine, storage, clock, event },
        seed: options.seed,
        applier: this.#applier,
        headOf: (index) => core.snapshotMetadata(index),
        entriesMax: options.snapshotEntries,
        bytesMax: options.snapshotBytes,
        retryMs: options.snapshotRetryMs,
        turnMs: options.applyTurnMs,
        taken: (snapshot) => {
          this.#shelf.finished(snapshot)
          this.driver.post({ type: 'snapshotTaken', snapshot })
        },
      },
      recovered.snapshot,
    )
    this.#fetcher = new Fetcher({
      ...{ transport, storage, clock, event },
      retryMinMs: options.fetchRetryMinMs,
      retryMaxMs: options.fetchRetryMaxMs,
      attemptsMax: options.fetchAttemptsMax,
      fetched: (snapshot) => {
        this.#shelf.finished(snapshot)
        this.driver.post({ type: 'snapshotFetched', snapshot })
      },
      failed: (snapshot, reason) => this.driver.post({ type: 'snapshotFetchFailed', snapshot, reason }),
    })
    this.#shelf = new SnapshotShelf(
      storage,
      recovered.snapshot?.id,
      () => [this.snapshotter.takingId, this.#fetcher.fetchingId],
      (message) => event({ type: 'snapshotFailed', message }),
    )
    this.space = new Space({
      ...{ storage, clock, event },
      freeBytesMin: options.freeBytesMin,
      checkMs: options.freeBytesCheckMs,
      low: () => {
        if (this.isRunning) this.handover.giveAway()
      },
    })
    const mailbox = new Mailbox({ messagesMax: options.mailboxMessagesMax, bytesMax: options.mailboxBytesMax })
    this.driver = new Driver({ core, clock, mailbox, hands: this.#hands() })
    const { driver, requests, watchers, deadlines } = this
    this.handover = new Handover({ driver, requests, watchers, deadlines })
  }

  get isRunning(): boolean {
    return !this.#isClosing && this.#failure === undefined
  }

  /** The last command the machine has seen. */
  get appliedIndex(): LogIndex {
    return this.#applier.appliedIndex
  }

  get term(): Term {
    return this.#roster.term
  }

  /** Throws unless calls are taken. */
  assertRunning(asked: string): void {
    if (this.isRunning) return
    const why = this.#failure === undefined ? 'the node is closed' : `the node has failed: ${this.#failure.message}`
    throw new RaftError('ERR_RAFT_CLOSED', `the ${asked} was refused: ${why}`, { cause: this.#failure })
  }

  /** Listens, connects, and asks the core what recovery has left to do. */
  async start(): Promise<void> {
    const { transport, core, clock } = this.#parts
    await transport.start(
      transportHost({
        identity: this.#identity,
        gate: this.#gate,
        driver: this.driver,
        event: (event) => this.hub.emit(event),
        readSnapshot: (id, offset) => this.#shelf.read(id, offset),
        fail: (error) => this.fail(error),
      }),
    )
    if (this.#isClosing) return
    const { directoryId, isNew } = this.#parts.recovered
    this.hub.emit({ type: 'started', address: transport.address, directoryId, isNew })
    const { lastIndex, commitIndex, snapshotIndex } = core.status(clock.now())
    this.hub.emit({ type: 'recovered', lastIndex, commitIndex, snapshotIndex })
    this.driver.start()
    this.driver.post({ type: 'peerSeen', peer: this.options.id, directoryId })
    this.#links.follow()
    void this.space.watch()
  }

  status(): NodeStatus {
    const { clock, recovered, transport } = this.#parts
    const status = this.driver.status()
    return {
      ...status,
      stopped: status.stopped ?? this.#failure?.message,
      clusterId: recovered.identity.clusterId,
      directoryId: recovered.directoryId,
      address: transport.address,
      leaderAddress: status.leader === undefined ? undefined : this.#roster.addressOf(status.leader),
      version: VERSION,
      loopDelayMs: clock.loopDelayMs?.() ?? 0,
      freeBytes: this.space.freeBytes,
      pendingProposals: this.proposals.count,
      connected: this.#gate.connected,
    }
  }

  /** The node speaks no more and applies no more, for good. Whoever waits is told; status and close still work. */
  fail(error: unknown): void {
    if (this.#failure !== undefined || this.#isClosing) return
    const failure = isRaftError(error) ? error : internalError(error)
    this.#failure = failure
    this.hub.emit({ type: 'failed', code: failure.code, message: failure.message })
    this.driver.post({ type: 'storageFailed', reason: failure.message })
    this.#halt('the node has failed', failure)
    this.watchers.check()
    this.watchers.close('the node has failed', failure)
    this.#tellFailure(failure)
  }

  /** Ends everything. Leadership is handed over first, if that can be done in time. */
  async close(): Promise<void> {
    if (this.isRunning) await this.#leaveInOrder()
    this.#isClosing = true
    this.driver.stop()
    this.#halt('the node was closed')
    this.watchers.close('the node was closed')
    this.deadlines.stop()
    await this.#parts.transport.close()
    await this.#fetcher.stop()
    await this.#persister.drain().catch(() => undefined)
    this.#persister.stop()
    await this.snapshotter.stop()
    await this.#parts.storage.close()
    this.hub.emit({ type: 'stopped' })
    this.hub.close()
  }

  /** Nobody is left waiting, and nothing new is begun. */
  #halt(why: string, cause?: RaftError): void {
    this.#sender.stop()
    this.#applier.stop(why, cause)
    this.space.stop()
    this.#links.stop()
    void this.snapshotter.stop()
    void this.#fetcher.stop()
    if (cause !== undefined) this.#persister.stop()
    this.proposals.close(why, cause)
    this.reads.close(why, cause)
    this.requests.close(why, cause)
  }

  /** No new calls; a leader hands over, and what it has accepted gets the time of one election to be settled. */
  async #leaveInOrder(): Promise<void> {
    this.#isClosing = true
    this.#links.stop()
    await this.handover.leave(() => this.proposals.count === 0, this.options.electionTimeoutMaxMs)
  }

  #onApplied(index: number): void {
    this.driver.post({ type: 'applied', index })
    this.reads.applied()
    this.snapshotter.applied()
  }

  #hands(): Hands {
    return {
      gather: (post) => {
        this.proposals.gather(post)
        this.reads.gather(post)
      },
      persist: (persist) => this.#persister.persist(persist),
      settle: (settlements) => {
        for (const settlement of settlements) this.#settle(settlement)
      },
      events: (events) => this.#onEvents(events),
      send: (outgoing) => this.#sender.send(outgoing),
      install: (snapshot) => this.#applier.install(snapshot),
      apply: (range) => this.#applier.apply(range),
      fetch: (from, snapshot) => this.#fetcher.fetch(from, snapshot),
      takeSnapshot: () => this.snapshotter.want(),
      turned: () => this.watchers.check(),
      crashed: (cause) => this.fail(internalError(cause)),
    }
  }

  #settle(settlement: Settlement): void {
    const leaderOf = (id: NodeId | undefined) => this.#roster.leaderHint(id)
    switch (settlement.type) {
      case 'accepted':
        return this.proposals.accepted(settlement.proposal, settlement.first, settlement.term)
      case 'rejected':
        return this.proposals.rejected(settlement.proposal, errorOf(settlement.rejection, 'proposal', leaderOf))
      case 'readReady':
        return this.reads.ready(settlement.read, settlement.index)
      case 'readRejected':
        return this.reads.rejected(
          settlement.read,
          errorOf(settlement.rejection, 'read', leaderOf),
          PASSING.has(settlement.rejection.reason),
        )
      default:
        return this.requests.settle(settlement)
    }
  }

  #onEvents(events: readonly RaftEvent[]): void {
    let haveLinksChanged = false
    for (const event of events) {
      if (this.#roster.heard(event)) haveLinksChanged = true
      this.hub.emit(event)
    }
    if (haveLinksChanged) this.#links.follow()
    if (this.#roster.isToldRemoved) this.fail(removed(this.options.id, 'most of its peers say so'))
  }
}

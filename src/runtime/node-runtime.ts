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
import { AdminRequests } from './calls/admin-requests.ts'
import { CallDeadlines } from './calls/call-deadlines.ts'
import { Proposals } from './calls/proposals.ts'
import { Reads } from './calls/reads.ts'
import { internalError, rejectionError, removedError } from './calls/rejections.ts'
import { StatusWaiters } from './calls/status-waiters.ts'
import { DiskSpace } from './disk-space.ts'
import type { EventHub } from './event-hub.ts'
import { LeadershipTransfer } from './leadership-transfer.ts'
import type { RuntimeOptions } from './options.ts'
import { MembershipView } from './peers/membership-view.ts'
import { PeerAdmission } from './peers/peer-admission.ts'
import { PeerConnections } from './peers/peer-connections.ts'
import { transportHost } from './peers/transport-host.ts'
import { Applier } from './pipeline/applier.ts'
import { BlockCache } from './pipeline/block-cache.ts'
import type { Core, EffectHandlers } from './pipeline/driver.ts'
import { Driver } from './pipeline/driver.ts'
import { Mailbox } from './pipeline/mailbox.ts'
import { Persister } from './pipeline/persister.ts'
import { Sender } from './pipeline/sender.ts'
import { SnapshotFetcher } from './snapshots/snapshot-fetcher.ts'
import { SnapshotRetention } from './snapshots/snapshot-retention.ts'
import { SnapshotTaker } from './snapshots/snapshot-taker.ts'
import { VERSION } from './version.ts'

export interface NodeRuntimeParts<Command, Result> {
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
const TRANSIENT: ReadonlySet<Rejection['reason']> = new Set(['no-leader', 'leadership-lost', 'timed-out'])

export class NodeRuntime<Command, Result> {
  readonly options: RuntimeOptions & RaftOptions
  readonly hub: EventHub
  readonly proposals: Proposals
  readonly reads: Reads
  readonly adminRequests: AdminRequests
  readonly statusWaiters: StatusWaiters
  readonly deadlines: CallDeadlines
  readonly snapshotTaker: SnapshotTaker
  readonly diskSpace: DiskSpace
  readonly driver: Driver
  readonly leadershipTransfer: LeadershipTransfer
  /** Resolves with the reason once the node has stopped for good by itself. Never rejects. */
  readonly failed: Promise<RaftError>
  readonly #parts: NodeRuntimeParts<Command, Result>
  readonly #identity: PeerIdentity
  readonly #membershipView: MembershipView
  readonly #peerAdmission: PeerAdmission
  readonly #peerConnections: PeerConnections
  readonly #persister: Persister
  readonly #sender: Sender
  readonly #applier: Applier<Command, Result>
  readonly #snapshotFetcher: SnapshotFetcher
  readonly #snapshotRetention: SnapshotRetention
  #resolveFailed: (error: RaftError) => void = () => undefined
  #failure: RaftError | undefined
  #isClosing = false

  constructor(parts: NodeRuntimeParts<Command, Result>) {
    const { core, recovered, options, machine, codec, storage, transport, clock, hub } = parts
    const { id } = options
    this.#parts = parts
    this.options = options
    this.hub = hub
    this.failed = new Promise((resolve) => {
      this.#resolveFailed = resolve
    })
    const emit = (happened: NodeEvent): void => hub.emit(happened)
    const onFailed = (error: unknown): void => this.fail(error)
    const { identity, directoryId } = recovered
    this.#identity = { clusterId: identity.clusterId, nodeId: id, directoryId }
    const { term, membership } = core.status(clock.now())
    this.#membershipView = new MembershipView(id, term, membership, parts.addresses)
    this.#peerAdmission = new PeerAdmission(this.#identity, this.#membershipView)
    const removedPeerGraceMs = 2 * options.electionTimeoutMaxMs
    this.#peerConnections = new PeerConnections({
      membershipView: this.#membershipView,
      transport,
      clock,
      removedPeerGraceMs,
    })
    this.proposals = new Proposals(options)
    this.adminRequests = new AdminRequests((leader) => this.#membershipView.leaderHint(leader))
    this.statusWaiters = new StatusWaiters(() => this.status())
    const cache = new BlockCache(options.blockCacheBytesMax)
    this.#applier = new Applier({
      ...{ machine, codec, storage, cache, clock, onFailed },
      proposals: this.proposals,
      readBytesMax: options.readBytesMax,
      applyTurnMs: options.applyTurnMs,
      onApplied: (index) => this.#onApplied(index),
      onRestored: (snapshot, tookMs) => {
        this.snapshotTaker.onInstalled(snapshot)
        emit({ type: 'restored', index: snapshot.index, tookMs })
      },
    })
    this.reads = new Reads({ appliedState: this.#applier, clock, wake: () => this.driver.wake() })
    this.deadlines = new CallDeadlines(clock, options.callTimeoutMs, [
      (now) => this.proposals.sweep(now),
      (now) => this.reads.sweep(now),
      (now) => this.adminRequests.sweep(now),
      (now) => this.statusWaiters.sweep(now),
    ])
    this.#sender = new Sender({ transport, storage, cache, onFailed, queueMax: options.sendQueueMax })
    this.#persister = new Persister({
      ...{ storage, clock, cache, onFailed },
      lazyWriteMs: options.lazyWriteMs,
      release: (outgoing) => this.#sender.send(outgoing),
      onPersisted: (number) => this.driver.post({ type: 'persisted', number }),
      onSnapshotRecorded: (snapshot) => this.#snapshotRetention.onRecorded(snapshot),
    })
    this.snapshotTaker = new SnapshotTaker(
      {
        ...{ id, machine, storage, clock, emit },
        seed: options.seed,
        applier: this.#applier,
        metadataAt: (index) => core.snapshotMetadata(index),
        entriesMax: options.snapshotEntries,
        bytesMax: options.snapshotBytes,
        retryMs: options.snapshotRetryMs,
        turnMs: options.applyTurnMs,
        onTaken: (snapshot) => {
          this.#snapshotRetention.onFinished(snapshot)
          this.driver.post({ type: 'snapshotTaken', snapshot })
        },
      },
      recovered.snapshot,
    )
    this.#snapshotFetcher = new SnapshotFetcher({
      ...{ transport, storage, clock, emit },
      retryMinMs: options.fetchRetryMinMs,
      retryMaxMs: options.fetchRetryMaxMs,
      attemptsMax: options.fetchAttemptsMax,
      onFetched: (snapshot) => {
        this.#snapshotRetention.onFinished(snapshot)
        this.driver.post({ type: 'snapshotFetched', snapshot })
      },
      onFailed: (snapshot, reason) => this.driver.post({ type: 'snapshotFetchFailed', snapshot, reason }),
    })
    this.#snapshotRetention = new SnapshotRetention(
      storage,
      recovered.snapshot?.id,
      () => [this.snapshotTaker.takingId, this.#snapshotFetcher.fetchingId],
      (message) => emit({ type: 'snapshotFailed', message }),
    )
    this.diskSpace = new DiskSpace({
      ...{ storage, clock, emit },
      freeBytesMin: options.freeBytesMin,
      checkMs: options.freeBytesCheckMs,
      onLow: () => {
        if (this.isRunning) this.leadershipTransfer.transferToAny()
      },
    })
    const mailbox = new Mailbox({ messagesMax: options.mailboxMessagesMax, bytesMax: options.mailboxBytesMax })
    this.driver = new Driver({ core, clock, mailbox, handlers: this.#effectHandlers() })
    const { driver, adminRequests, statusWaiters, deadlines } = this
    this.leadershipTransfer = new LeadershipTransfer({
      driver,
      adminRequests,
      statusWaiters,
      deadlines,
    })
  }

  get isRunning(): boolean {
    return !this.#isClosing && this.#failure === undefined
  }

  /** The last command the machine has seen. */
  get appliedIndex(): LogIndex {
    return this.#applier.appliedIndex
  }

  get term(): Term {
    return this.#membershipView.term
  }

  /** Throws unless calls are taken. */
  assertRunning(operation: string): void {
    if (this.isRunning) return
    const why = this.#failure === undefined ? 'the node is closed' : `the node has failed: ${this.#failure.message}`
    throw new RaftError('ERR_RAFT_CLOSED', `the ${operation} was refused: ${why}`, { cause: this.#failure })
  }

  /** Listens, connects, and asks the core what recovery has left to do. */
  async start(): Promise<void> {
    const { transport, core, clock } = this.#parts
    await transport.start(
      transportHost({
        identity: this.#identity,
        admission: this.#peerAdmission,
        driver: this.driver,
        emit: (event) => this.hub.emit(event),
        readSnapshot: (id, offset) => this.#snapshotRetention.read(id, offset),
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
    this.#peerConnections.update()
    void this.diskSpace.watch()
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
      leaderAddress: status.leader === undefined ? undefined : this.#membershipView.addressOf(status.leader),
      version: VERSION,
      loopDelayMs: clock.loopDelayMs?.() ?? 0,
      freeBytes: this.diskSpace.freeBytes,
      pendingProposals: this.proposals.count,
      connected: this.#peerAdmission.connected,
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
    this.statusWaiters.check()
    this.statusWaiters.close('the node has failed', failure)
    this.#resolveFailed(failure)
  }

  /** Ends everything. Leadership is handed over first, if that can be done in time. */
  async close(): Promise<void> {
    if (this.isRunning) await this.#closeGracefully()
    this.#isClosing = true
    this.driver.stop()
    this.#halt('the node was closed')
    this.statusWaiters.close('the node was closed')
    this.deadlines.stop()
    await this.#parts.transport.close()
    await this.#snapshotFetcher.stop()
    await this.#persister.drain().catch(() => undefined)
    this.#persister.stop()
    await this.snapshotTaker.stop()
    await this.#parts.storage.close()
    this.hub.emit({ type: 'stopped' })
    this.hub.close()
  }

  /** Nobody is left waiting, and nothing new is begun. */
  #halt(why: string, cause?: RaftError): void {
    this.#sender.stop()
    this.#applier.stop(why, cause)
    this.diskSpace.stop()
    this.#peerConnections.stop()
    void this.snapshotTaker.stop()
    void this.#snapshotFetcher.stop()
    if (cause !== undefined) this.#persister.stop()
    this.proposals.close(why, cause)
    this.reads.close(why, cause)
    this.adminRequests.close(why, cause)
  }

  /** No new calls; a leader hands over, and what it has accepted gets the time of one election to be settled. */
  async #closeGracefully(): Promise<void> {
    this.#isClosing = true
    this.#peerConnections.stop()
    await this.leadershipTransfer.transferBeforeClose(
      () => this.proposals.count === 0,
      this.options.electionTimeoutMaxMs,
    )
  }

  #onApplied(index: number): void {
    this.driver.post({ type: 'applied', index })
    this.reads.onApplied()
    this.snapshotTaker.onApplied()
  }

  #effectHandlers(): EffectHandlers {
    return {
      collectInputs: (post) => {
        this.proposals.collectInputs(post)
        this.reads.collectInputs(post)
      },
      persist: (persist) => this.#persister.persist(persist),
      settle: (settlements) => {
        for (const settlement of settlements) this.#settle(settlement)
      },
      events: (events) => this.#onEvents(events),
      send: (outgoing) => this.#sender.send(outgoing),
      install: (snapshot) => this.#applier.install(snapshot),
      apply: (range) => this.#applier.apply(range),
      fetch: (from, snapshot) => this.#snapshotFetcher.fetch(from, snapshot),
      takeSnapshot: () => this.snapshotTaker.takeIfIdle(),
      afterStep: () => this.statusWaiters.check(),
      onFatalError: (cause) => this.fail(internalError(cause)),
    }
  }

  #settle(settlement: Settlement): void {
    const leaderHintOf = (id: NodeId | undefined) => this.#membershipView.leaderHint(id)
    switch (settlement.type) {
      case 'accepted':
        return this.proposals.accepted(settlement.proposal, settlement.first, settlement.term)
      case 'rejected':
        return this.proposals.rejected(
          settlement.proposal,
          rejectionError(settlement.rejection, 'proposal', leaderHintOf),
        )
      case 'readReady':
        return this.reads.ready(settlement.read, settlement.index)
      case 'readRejected':
        return this.reads.rejected(
          settlement.read,
          rejectionError(settlement.rejection, 'read', leaderHintOf),
          TRANSIENT.has(settlement.rejection.reason),
        )
      default:
        return this.adminRequests.settle(settlement)
    }
  }

  #onEvents(events: readonly RaftEvent[]): void {
    let havePeersChanged = false
    for (const event of events) {
      if (this.#membershipView.update(event)) havePeersChanged = true
      this.hub.emit(event)
    }
    if (havePeersChanged) this.#peerConnections.update()
    if (this.#membershipView.isReportedRemoved) this.fail(removedError(this.options.id, 'most of its peers say so'))
  }
}

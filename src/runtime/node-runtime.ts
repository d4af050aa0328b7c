/** A running node: starts, wires and stops its calls, its pipeline, its peers and its snapshots. */
import type { Clock } from '../contracts/clock.ts'
import type { NodeStatus } from '../contracts/node-service.ts'
import type { Codec, StateMachine } from '../contracts/state-machine.ts'
import type { RecoveredState, Storage } from '../contracts/storage.ts'
import type { PeerIdentity, Transport } from '../contracts/transport.ts'
import { PROTOCOL_MAX } from '../contracts/transport.ts'
import type { RaftEvent } from '../core/events.ts'
import type { RaftOptions } from '../core/options.ts'
import type { MemberMetadata, NodeId, Term } from '../core/types.ts'
import { isRaftError, RaftError } from '../errors.ts'
import { sortedMetadata } from '../log-format/member-metadata.ts'
import { SessionMachine } from '../sessions/session-machine.ts'
import type { SessionTable } from '../sessions/session-table.ts'
import { Calls } from './calls/calls.ts'
import { Proposals } from './calls/proposals.ts'
import { divergedError, internalError, otherStateError, removedError } from './calls/rejections.ts'
import { ChangeFeed } from './changes/change-feed.ts'
import { Changes } from './changes/changes.ts'
import type { EventHub } from './event-hub.ts'
import { Health } from './health/health.ts'
import { LeadershipTransfer } from './leadership-transfer.ts'
import { Leading } from './leading/leading.ts'
import { MembershipCalls } from './membership-calls.ts'
import { nodeStatus } from './node-status.ts'
import type { RuntimeOptions } from './options.ts'
import { updateLostEntriesAlarms } from './peers/lost-entries-alarms.ts'
import { isCopyError } from './peers/peer-admission.ts'
import { Peers } from './peers/peers.ts'
import { RefusalAlarms } from './peers/refusal-alarms.ts'
import { transportHost } from './peers/transport-host.ts'
import { UnknownPeers } from './peers/unknown-peers.ts'
import type { RaftCore } from './pipeline/driver.ts'
import type { PipelineHost } from './pipeline/pipeline.ts'
import { Pipeline } from './pipeline/pipeline.ts'
import { ProposalCalls } from './proposal-calls.ts'
import { ReadCalls } from './read-calls.ts'
import { SnapshotCalls } from './snapshot-calls.ts'
import { AdaptivePace } from './snapshots/adaptive-pace.ts'
import { Snapshots } from './snapshots/snapshots.ts'

export interface NodeRuntimeParts<Command, Result> {
  readonly core: RaftCore
  readonly recovered: RecoveredState
  readonly options: RuntimeOptions & RaftOptions
  /** Addresses from the options, for nodes that are not in the membership. */
  readonly addresses: Readonly<Record<NodeId, string>>
  /** What this node says of itself. */
  readonly metadata: MemberMetadata
  readonly machine: StateMachine<Command, Result>
  readonly codec: Codec<Command>
  readonly resultCodec: Codec<Result>
  readonly storage: Storage
  readonly storageReason: string | undefined
  readonly transport: Transport
  readonly clock: Clock
  readonly hub: EventHub
}

export class NodeRuntime<Command, Result> {
  readonly options: RuntimeOptions & RaftOptions
  readonly hub: EventHub
  readonly pipeline: Pipeline<Command, Result>
  readonly calls: Calls<Result>
  readonly snapshots: Snapshots
  readonly health: Health
  readonly leadershipTransfer: LeadershipTransfer
  readonly leading: Leading<Command>
  readonly proposalCalls: ProposalCalls<Result>
  readonly readCalls: ReadCalls
  readonly snapshotCalls: SnapshotCalls
  readonly membershipCalls: MembershipCalls
  readonly changes: Changes<Command, Result>
  /** Resolves with the reason if the node stops because of a failure. Never rejects. */
  readonly failed: Promise<RaftError>
  readonly #parts: NodeRuntimeParts<Command, Result>
  readonly #identity: PeerIdentity
  readonly #peers: Peers
  readonly #unknownPeers: UnknownPeers
  readonly #refusals: RefusalAlarms
  readonly #changeFeed: ChangeFeed
  readonly #sessions: SessionTable
  #resolveFailed: (error: RaftError) => void = () => undefined
  #failure: RaftError | undefined
  /** The write that marks the data directory as unusable. */
  #marked: Promise<void> | undefined
  #isClosing = false

  constructor(parts: NodeRuntimeParts<Command, Result>) {
    const { core, recovered, options, addresses, storage, transport, clock, hub } = parts
    this.#parts = parts
    this.options = options
    this.hub = hub
    const { meters } = hub
    this.health = this.#makeHealth(parts)
    this.failed = new Promise((resolve) => {
      this.#resolveFailed = resolve
    })
    const { clusterId } = recovered.identity
    this.#identity = ownIdentity(parts)
    const { term, membership } = core.status(clock.now())
    this.#changeFeed = new ChangeFeed(options, recovered.snapshot?.index ?? 0)
    const onExecuted = options.changesMax > 0 ? this.#changeFeed.add.bind(this.#changeFeed) : undefined
    const machine = new SessionMachine<Command, Result>({ ...parts, now: () => clock.now(), onExecuted })
    this.#sessions = machine.table
    this.#peers = new Peers({
      ...{ identity: this.#identity, replacedClusterId: recovered.replacedClusterId },
      ...{ term, membership, addresses, transport, clock },
      machineVersion: () => machine.machineVersion,
      removedPeerGraceMs: 2 * options.electionTimeoutMaxMs,
    })
    const pace = new AdaptivePace(options)
    const proposals = new Proposals<Result>(options, {
      ...{ clock, meters, wake: () => this.pipeline.driver.wake() },
      onApplied: (latencyMs, now) => pace.onApplied(latencyMs, now),
    })
    const { diskSpeed } = this.health
    this.pipeline = new Pipeline({ ...parts, machine, proposals, diskSpeed, meters, host: this.#pipelineHost() })
    const { driver, applier } = this.pipeline
    this.calls = new Calls({
      ...{ proposals, clock, meters, limits: options, appliedState: applier },
      status: () => this.status(),
      coreStatus: () => driver.status(),
      leaderHintOf: (id) => this.#peers.leaderHint(id),
      wake: () => driver.wake(),
    })
    this.snapshots = new Snapshots({
      ...{ options, machine, applier, storage, transport, clock, pace, recovered: recovered.snapshot },
      alarms: this.health.alarms,
      lowSpace: () => this.health.lowSpace,
      metadataAt: (index) => core.snapshotMetadata(index),
      post: (input) => driver.post(input),
      emit: (event) => hub.emit(event),
    })
    this.leadershipTransfer = new LeadershipTransfer({ driver, calls: this.calls })
    const { calls, health, snapshots } = this
    const wake = (): void => driver.wake()
    const { logTime } = machine
    this.proposalCalls = new ProposalCalls({ calls, health, meters, options, clusterId, logTime, wake })
    this.readCalls = new ReadCalls({ calls, appliedIndex: () => applier.appliedIndex, wake })
    this.snapshotCalls = new SnapshotCalls({ calls, snapshots, readCalls: this.readCalls })
    const { codec, resultCodec } = parts
    this.changes = new Changes({
      ...{ feed: this.#changeFeed, clusterId, codec, resultCodec, clock },
      leader: () => driver.status().leader,
    })
    this.membershipCalls = new MembershipCalls({ driver, calls })
    this.leading = new Leading({
      ...{ id: options.id, options, machine: parts.machine, applied: machine, admission: this.#peers.admission },
      ...{ driver, clock, emit: (event) => hub.emit(event) },
      ...{ readCalls: this.readCalls, proposalCalls: this.proposalCalls, membershipCalls: this.membershipCalls },
      leadershipTransfer: this.leadershipTransfer,
    })
    const graceMs = 2 * options.electionTimeoutMaxMs
    this.#refusals = new RefusalAlarms(this.health.alarms, clock)
    this.#unknownPeers = new UnknownPeers({
      ...{ id: options.id, graceMs, clock, alarms: this.health.alarms, peers: this.#peers },
      ownAddress: () => transport.address,
      emit: (event) => hub.emit(event),
      leader: () => driver.status().leader,
    })
  }

  get isRunning(): boolean {
    return !this.#isClosing && this.#failure === undefined
  }

  get term(): Term {
    return this.#peers.view.term
  }

  /** Throws ERR_RAFT_CLOSED if the node is closed or has failed. */
  assertRunning(operation: string): void {
    if (this.isRunning) return
    const why = this.#failure === undefined ? 'the node is closed' : `the node has failed: ${this.#failure.message}`
    throw new RaftError('ERR_RAFT_CLOSED', `the ${operation} was rejected: ${why}`, { cause: this.#failure })
  }

  /** Listens and connects; then the core's first step continues what recovery found. */
  async start(): Promise<void> {
    const { transport, core, clock, storage, storageReason } = this.#parts
    const copied = this.#peers.admission.ownContradiction
    if (copied !== undefined) {
      await storage.markUnusable(copied)
      throw copied
    }
    const { driver } = this.pipeline
    await transport.start(
      transportHost({
        ...{ identity: this.#identity, limits: this.options, driver },
        ...{ ...this.#peers.forHost, alarms: this.health.alarms, unknownPeers: this.#unknownPeers },
        refusals: this.#refusals,
        preference: this.leading.preference,
        emit: (event) => this.hub.emit(event),
        readSnapshot: (id, offset) => this.snapshots.send(id, offset),
        fail: (error) => this.fail(error),
      }),
    )
    if (this.#isClosing) return
    const { directoryId, boot, isNew } = this.#parts.recovered
    const reason = storageReason === undefined ? {} : { storageReason }
    const adapters = {
      storage: storage.name,
      ...reason,
      peerTransport: transport.name,
      protection: transport.protection,
    }
    this.hub.emit({ type: 'started', address: transport.address, directoryId, isNew, ...adapters })
    const { lastIndex, commitIndex, snapshotIndex } = core.status(clock.now())
    this.hub.emit({ type: 'recovered', lastIndex, commitIndex, snapshotIndex })
    this.#peers.reportDifferences((event) => this.hub.emit(event))
    driver.start()
    const own = { directoryId, boot: { number: boot.number, id: boot.id }, metadata: this.#identity.metadata }
    driver.post({ type: 'peerSeen', peer: this.options.id, ...own })
    this.#peers.connections.update()
    updateLostEntriesAlarms(this.health.alarms, this.#peers.view)
    this.health.start()
  }

  status(): NodeStatus {
    const { calls, health, options, snapshots } = this
    const { clock, recovered, storage, transport } = this.#parts
    const queues = [
      ...calls.proposals.queues,
      ...calls.reads.queues,
      ...this.pipeline.queues,
      ...this.#changeFeed.queues,
      ...this.#sessions.queues,
    ]
    return nodeStatus({
      ...{ status: this.pipeline.driver.status(), failure: this.#failure, peers: this.#peers },
      ...{ calls, health, options, snapshots, clock, recovered, storage, transport, queues },
      machine: this.leading.machineVersions.versions,
      appliedPerSecond: this.pipeline.applier.perSecond,
      sessions: this.#sessions.status,
    })
  }

  /** Stops the node for good: it sends and applies nothing more. Rejects all pending calls; `status` and `close` still work. */
  fail(error: unknown): void {
    if (this.#failure !== undefined || this.#isClosing) return
    const failure = isRaftError(error) ? error : internalError(error)
    this.#failure = failure
    this.hub.emit({ type: 'failed', code: failure.code, message: failure.message })
    this.pipeline.driver.post({ type: 'storageFailed', reason: failure.message })
    this.#halt('the node has failed', failure)
    this.calls.statusWaiters.check()
    this.calls.statusWaiters.close('the node has failed', failure)
    if (isCopyError(failure)) this.#marked = this.#parts.storage.markUnusable(failure).catch(() => undefined)
    this.#resolveFailed(failure)
  }

  /** Transfers leadership if that can be done in time, then stops everything. */
  async close(): Promise<void> {
    if (this.isRunning) await this.#closeGracefully()
    this.#isClosing = true
    this.pipeline.driver.stop()
    this.#halt('the node was closed')
    this.calls.statusWaiters.close('the node was closed')
    this.calls.deadlines.stop()
    await this.#parts.transport.close()
    await this.snapshots.stopFetching()
    await this.pipeline.drain()
    this.pipeline.stopWriting()
    await this.snapshots.stopTaking()
    await this.health.stop()
    await this.#marked
    await this.#parts.storage.close()
    this.hub.emit({ type: 'stopped' })
    this.hub.close()
  }

  /** Stops all work but pending writes, and rejects the pending calls. After a failure, stops writing too. */
  #halt(why: string, cause?: RaftError): void {
    this.leading.tasks.close(why)
    this.pipeline.stop(why, cause)
    void this.health.stop()
    this.#unknownPeers.stop()
    this.#refusals.stop()
    this.#peers.connections.stop()
    void this.snapshots.stopTaking()
    this.snapshots.stopSending()
    void this.snapshots.stopFetching()
    if (cause !== undefined) this.pipeline.stopWriting()
    this.#changeFeed.close(why, cause)
    this.calls.close(why, cause)
  }

  /** Accepts no new calls. A leader transfers leadership; pending proposals have one election timeout to finish. */
  async #closeGracefully(): Promise<void> {
    this.#isClosing = true
    this.hub.emit({ type: 'closing' })
    this.leading.tasks.close('the node is closing')
    this.#peers.connections.stop()
    await this.leadershipTransfer.transferBeforeClose(
      () => this.calls.proposals.count === 0,
      this.options.electionTimeoutMaxMs,
    )
  }

  #makeHealth({ core, storage, clock, hub, options }: NodeRuntimeParts<Command, Result>): Health {
    return new Health({
      ...{ core, storage, clock, options, emit: (event) => hub.emit(event) },
      node: {
        isRunning: () => this.isRunning,
        isReadable: () => this.pipeline.applier.isReadable,
        status: () => this.pipeline.driver.status(),
        post: (input) => this.pipeline.driver.post(input),
        transferLeadership: (to) => this.leadershipTransfer.transfer(undefined, to),
        snapshots: () => this.snapshots,
        onDamaged: (error) => this.fail(error),
      },
    })
  }

  #pipelineHost(): PipelineHost {
    return {
      collectInputs: (post) => this.calls.collectInputs(post),
      settle: (settlements) => {
        for (const settlement of settlements) this.calls.settle(settlement)
      },
      events: (events) => this.#onEvents(events),
      fetch: (wanted) => this.snapshots.fetch(wanted),
      takeSnapshot: () => this.snapshots.takeIfIdle(),
      afterStep: () => this.calls.statusWaiters.check(),
      onFatalError: (cause) => this.fail(internalError(cause)),
      onBlock: (block) => {
        if (this.options.changesMax > 0) this.#changeFeed.beginBlock(block)
      },
      onApplied: (index) => {
        this.pipeline.driver.post({ type: 'applied', index })
        this.calls.reads.onApplied()
        this.#changeFeed.onApplied(index)
        this.snapshots.onApplied()
      },
      onRestored: (snapshot, tookMs) => {
        this.snapshots.onRestored(snapshot)
        this.#changeFeed.onRestored(snapshot.index)
        this.hub.emit({ type: 'restored', index: snapshot.index, tookMs })
      },
      onSnapshotRecorded: (snapshot) => this.snapshots.onRecorded(snapshot),
      onFailed: (error) => this.fail(error),
    }
  }

  #onEvents(events: readonly RaftEvent[]): void {
    let havePeersChanged = false
    for (const event of events) {
      if (this.#peers.onEvent(event)) havePeersChanged = true
      this.hub.emit(event)
      this.health.onEvent(event)
      this.leading.tasks.onEvent(event)
      if (event.type === 'leaderChanged' || event.type === 'membershipAdopted') this.#unknownPeers.update()
      if (event.type === 'diverged') this.fail(divergedError(this.options.id, event))
      if (event.type === 'otherState') this.fail(otherStateError(this.options.id, event))
    }
    if (havePeersChanged) this.#onPeersChanged()
    if (this.#peers.view.isReportedRemoved) this.fail(removedError(this.options.id, 'most of its peers say so'))
  }

  #onPeersChanged(): void {
    const { view } = this.#peers
    updateLostEntriesAlarms(this.health.alarms, view)
    this.#refusals.onMembersChanged((peer) => view.member(peer) !== undefined)
    const contradiction = this.#peers.update()
    if (contradiction !== undefined) this.fail(contradiction)
  }
}

/** What this node says of itself in every handshake. */
function ownIdentity<Command, Result>(parts: NodeRuntimeParts<Command, Result>): PeerIdentity {
  const { recovered, options, machine } = parts
  const { directoryId, boot, identity } = recovered
  return {
    ...{ clusterId: identity.clusterId, nodeId: options.id, directoryId, boot },
    ...{ metadata: sortedMetadata(parts.metadata), protocol: PROTOCOL_MAX },
    ...{ machineVersion: machine.machineVersion, leaderPriority: options.leaderPriority },
  }
}

/** The status of a node: that of its core, and what the parts of the runtime know. */
import type { Clock } from '../contracts/clock.ts'
import type { MachineVersions, NodeStatus, QueueStatus, SessionStatus } from '../contracts/node-service.ts'
import type { RecoveredState, Storage } from '../contracts/storage.ts'
import type { Transport } from '../contracts/transport.ts'
import { PROTOCOL_MAX, PROTOCOL_MIN } from '../contracts/transport.ts'
import type { RaftOptions } from '../core/options.ts'
import type { RaftStatus } from '../core/status.ts'
import type { RaftError } from '../errors.ts'
import type { Calls } from './calls/calls.ts'
import type { Health } from './health/health.ts'
import type { Peers } from './peers/peers.ts'
import type { Snapshots } from './snapshots/snapshots.ts'
import { VERSION } from './version.ts'

export interface StatusParts {
  readonly status: RaftStatus
  readonly failure: RaftError | undefined
  readonly options: RaftOptions
  readonly recovered: RecoveredState
  readonly peers: Peers
  readonly calls: Pick<Calls<never>, 'proposals'>
  readonly health: Health
  readonly snapshots: Pick<Snapshots, 'fetching'>
  readonly storage: Pick<Storage, 'name'>
  readonly transport: Pick<Transport, 'name' | 'protection' | 'address' | 'certificateExpiresAt'>
  readonly clock: Clock
  readonly queues: readonly QueueStatus[]
  readonly machine: MachineVersions
  readonly appliedPerSecond: number
  readonly sessions: SessionStatus
}

export function nodeStatus(parts: StatusParts): NodeStatus {
  const { status, failure, recovered, peers, calls, health, snapshots, storage, transport, clock } = parts
  const { heartbeatIntervalMs, electionTimeoutMinMs, electionTimeoutMaxMs } = parts.options
  const { slowestMs: writeMs, pendingMs: pendingWriteMs } = health.diskSpeed
  return {
    ...status,
    stopped: status.stopped ?? failure?.message,
    clusterId: recovered.identity.clusterId,
    directoryId: recovered.directoryId,
    address: transport.address,
    leaderAddress: peers.leaderHint(status.leader)?.address,
    moved: peers.addresses.moved,
    version: VERSION,
    storage: storage.name,
    peerTransport: transport.name,
    protection: transport.protection,
    certificateExpiresAt: transport.certificateExpiresAt,
    loopDelayMs: clock.loopDelayMs?.() ?? 0,
    timing: { heartbeatIntervalMs, electionTimeoutMinMs, electionTimeoutMaxMs, writeMs, pendingWriteMs },
    protocol: { min: PROTOCOL_MIN, max: PROTOCOL_MAX, peers: peers.admission.protocols },
    machine: parts.machine,
    fetching: snapshots.fetching,
    freeBytes: health.freeBytes,
    pendingProposals: calls.proposals.count,
    queues: [...parts.queues, ...inflightQueues(status, parts.options)],
    appliedPerSecond: parts.appliedPerSecond,
    sessions: parts.sessions,
    connected: peers.admission.connected,
    alarms: health.alarms.list,
  }
}

function inflightQueues({ peers }: RaftStatus, options: RaftOptions): QueueStatus[] {
  return peers.flatMap(({ id: peer, inflightMessages, inflightBytes }) => [
    { limit: 'inflightMessagesMax', peer, used: inflightMessages, max: options.inflightMessagesMax },
    { limit: 'inflightBytesMax', peer, used: inflightBytes, max: options.inflightBytesMax },
  ])
}

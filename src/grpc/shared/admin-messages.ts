/** The messages of the admin service (proto/quorate/v1/admin.proto), and their conversion to and from our types. */
import type {
  Alarm,
  MachineVersions,
  NodeStatus,
  NodeTiming,
  ProtocolVersions,
  QueueStatus,
  SessionStatus,
  SnapshotFetch,
} from '../../contracts/node-service.ts'
import type { PortProtection } from '../../contracts/transport.ts'
import type { MembershipChange } from '../../core/inputs.ts'
import type { PeerStatus, Role } from '../../core/status.ts'
import type { Membership, SnapshotInfo } from '../../core/types.ts'
import { RaftError } from '../../errors.ts'
import { parseMembership } from '../../log-format/block.ts'
import { safeInteger } from './stream-frames.ts'

/** A status as proto-loader decodes it: only optional fields may be missing, and numbers are not checked yet. */
export type WireStatusResponse = Omit<
  NodeStatus,
  | 'role'
  | 'leader'
  | 'leaderAddress'
  | 'votedFor'
  | 'stopped'
  | 'freeBytes'
  | 'storage'
  | 'peerTransport'
  | 'protection'
  | 'certificateExpiresAt'
  | 'timing'
  | 'protocol'
  | 'machine'
  | 'fetching'
  | 'queues'
  | 'appliedPerSecond'
  | 'sessions'
  | 'peers'
  | 'alarms'
> & {
  readonly role: string
  readonly leader?: string | undefined
  readonly leaderAddress?: string | undefined
  readonly votedFor?: string | undefined
  readonly stopped?: string | undefined
  readonly freeBytes?: number | undefined
  readonly storage?: string | undefined
  readonly peerTransport?: string | undefined
  readonly protection?: string | undefined
  readonly certificateExpiresAt?: number | undefined
  readonly timing?: NodeTiming | null | undefined
  readonly protocol?: ProtocolVersions | null | undefined
  readonly machine?: MachineVersions | null | undefined
  readonly fetching?: SnapshotFetch | null | undefined
  readonly queues?: readonly WireQueue[] | undefined
  readonly appliedPerSecond?: number | undefined
  readonly sessions?: SessionStatus | null | undefined
  readonly followers: readonly WireFollower[]
  readonly alarms: readonly WireAlarm[]
}

type WireAlarm = Omit<Alarm, 'peer'> & { readonly peer?: string | undefined }

type WireQueue = Omit<QueueStatus, 'peer'> & { readonly peer?: string | undefined }

type WireFollower = Omit<PeerStatus, 'state' | 'silentMs'> & {
  readonly state: string
  readonly silentMs?: number | undefined
}

export interface WireChange {
  readonly add: readonly { readonly id: string; readonly address: string; readonly promote: boolean }[]
  readonly promote: readonly string[]
  readonly demote: readonly string[]
  readonly remove: readonly string[]
  readonly move: readonly { readonly id: string; readonly address: string }[]
  readonly ifIndex?: number | null | undefined
}

export type WireSnapshot = Omit<SnapshotInfo, 'membership'> & { readonly membership: Membership | null }

const ROLES: readonly string[] = ['follower', 'pre-candidate', 'candidate', 'leader'] satisfies Role[]
const STATES: readonly string[] = ['probe', 'replicate', 'snapshot'] satisfies PeerStatus['state'][]

const PROTECTIONS: readonly PortProtection[] = ['tls', 'secret', 'none']

const INTEGERS = [
  'term',
  'firstIndex',
  'lastIndex',
  'lastTerm',
  'persistedIndex',
  'commitIndex',
  'appliedIndex',
  'snapshotIndex',
  'logBytes',
  'membershipIndex',
] as const

export function wireStatusOf({ peers, ...status }: NodeStatus): WireStatusResponse {
  return { ...status, followers: peers }
}

/** Throws ERR_RAFT_BAD_MESSAGE if a field has an impossible value. */
export function statusFromWire(wire: WireStatusResponse): NodeStatus {
  if (!ROLES.includes(wire.role)) throw badResponseError(`unknown role '${wire.role}'`)
  for (const name of INTEGERS) safeInteger(wire[name], name)
  const { followers, ...rest } = wire
  return {
    ...rest,
    role: wire.role as Role,
    leader: wire.leader ?? undefined,
    leaderAddress: wire.leaderAddress ?? undefined,
    votedFor: wire.votedFor ?? undefined,
    stopped: wire.stopped ?? undefined,
    storage: wire.storage,
    peerTransport: wire.peerTransport,
    protection: PROTECTIONS.find((known) => known === wire.protection),
    timing: wire.timing == null ? undefined : timingFromWire(wire.timing),
    protocol: wire.protocol ?? undefined,
    machine: wire.machine ?? undefined,
    fetching: wire.fetching == null ? undefined : fetchFromWire(wire.fetching),
    queues: (wire.queues ?? []).map(queueFromWire),
    appliedPerSecond: wire.appliedPerSecond ?? undefined,
    sessions: wire.sessions == null ? undefined : sessionsFromWire(wire.sessions),
    certificateExpiresAt: optionalInteger(wire.certificateExpiresAt, 'certificateExpiresAt'),
    freeBytes: optionalInteger(wire.freeBytes, 'freeBytes'),
    membership: membershipFromWire(wire.membership),
    peers: followers.map(followerFromWire),
    alarms: wire.alarms.map((alarm) => ({ ...alarm, peer: alarm.peer ?? undefined })),
  }
}

function optionalInteger(value: number | undefined, name: string): number | undefined {
  return value === undefined ? undefined : safeInteger(value, name)
}

function fetchFromWire({ from, index, bytes, size }: SnapshotFetch): SnapshotFetch {
  return {
    from,
    index: safeInteger(index, 'index'),
    bytes: safeInteger(bytes, 'bytes'),
    size: safeInteger(size, 'size'),
  }
}

function queueFromWire({ limit, peer, used, max }: WireQueue): QueueStatus {
  return { limit, peer: peer ?? undefined, used: safeInteger(used, 'used'), max: safeInteger(max, 'max') }
}

function timingFromWire(wire: NodeTiming): NodeTiming {
  const { heartbeatIntervalMs, electionTimeoutMinMs, electionTimeoutMaxMs, writeMs, pendingWriteMs } = wire
  return {
    ...{ heartbeatIntervalMs, electionTimeoutMinMs, electionTimeoutMaxMs, writeMs },
    pendingWriteMs: pendingWriteMs ?? undefined,
  }
}

function sessionsFromWire({ count, repeated, timedOut, evicted }: SessionStatus): SessionStatus {
  return {
    count: safeInteger(count, 'count'),
    repeated: safeInteger(repeated, 'repeated'),
    timedOut: safeInteger(timedOut, 'timedOut'),
    evicted: safeInteger(evicted, 'evicted'),
  }
}

function followerFromWire(wire: WireFollower): PeerStatus {
  if (!STATES.includes(wire.state)) throw badResponseError(`unknown follower state '${wire.state}'`)
  return {
    ...wire,
    state: wire.state as PeerStatus['state'],
    matchIndex: safeInteger(wire.matchIndex, 'matchIndex'),
    nextIndex: safeInteger(wire.nextIndex, 'nextIndex'),
    inflightBytes: safeInteger(wire.inflightBytes, 'inflightBytes'),
    applyLag: safeInteger(wire.applyLag, 'applyLag'),
    silentMs: wire.silentMs ?? undefined,
  }
}

export function snapshotFromWire({ membership, ...wire }: WireSnapshot): SnapshotInfo {
  return {
    id: wire.id,
    index: safeInteger(wire.index, 'index'),
    term: safeInteger(wire.term, 'term'),
    membership: membershipFromWire(membership),
    chain: safeInteger(wire.chain, 'chain'),
    size: safeInteger(wire.size, 'size'),
    ...(wire.checksum == null ? {} : { checksum: safeInteger(wire.checksum, 'checksum') }),
  }
}

function membershipFromWire(wire: Membership | null): Membership {
  try {
    return parseMembership(wire)
  } catch (cause) {
    throw badResponseError('its membership is inconsistent', cause)
  }
}

export function wireChangeOf({ add, promote, demote, remove, move, ifIndex }: MembershipChange): WireChange {
  return {
    add: (add ?? []).map((member) => ({ ...member, promote: member.promote ?? false })),
    promote: promote ?? [],
    demote: demote ?? [],
    remove: remove ?? [],
    move: move ?? [],
    ...(ifIndex === undefined ? undefined : { ifIndex }),
  }
}

/** Throws ERR_RAFT_BAD_CHANGE for an invalid id or address, and for an empty change. */
export function changeFromWire({ add, promote, demote, remove, move, ifIndex }: WireChange): MembershipChange {
  const ids = [...add.map(({ id }) => id), ...promote, ...demote, ...remove, ...move.map(({ id }) => id)]
  for (const id of ids) assertNodeId(id)
  for (const { id, address } of [...add, ...move])
    if (!/^[!-~]{1,255}$/.test(address))
      throw badChangeError(`the address of ${id} must have 1 to 255 printable ASCII characters without spaces`)
  if (ids.length === 0) throw badChangeError('it changes nothing')
  const condition = ifIndex == null ? undefined : { ifIndex: safeInteger(ifIndex, 'ifIndex') }
  return { add, promote, demote, remove, move, ...condition }
}

/** Throws ERR_RAFT_BAD_CHANGE unless `id` is a valid node id. */
export function assertNodeId(id: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(id)) return
  const shown = JSON.stringify(id.slice(0, 64))
  throw badChangeError(
    `${shown} is not a node id: 1 to 64 letters, digits, '.', '_' or '-', starting with a letter or digit`,
  )
}

function badChangeError(what: string): RaftError {
  return new RaftError('ERR_RAFT_BAD_CHANGE', `invalid membership change: ${what}`)
}

function badResponseError(what: string, cause?: unknown): RaftError {
  return new RaftError('ERR_RAFT_BAD_MESSAGE', `malformed response: ${what}`, { cause })
}

/** The messages of the admin service, as proto/quorate/v1/admin.proto describes them, and the ways there and back. */

import type { NodeStatus } from '../../contracts/node-service.ts'
import type { MembershipChange } from '../../core/inputs.ts'
import type { PeerStatus, Role } from '../../core/status.ts'
import type { Membership, SnapshotInfo } from '../../core/types.ts'
import { RaftError } from '../../errors.ts'
import { parseMembership } from '../../log-format/block.ts'
import { safeInteger } from './stream-frames.ts'

/** A status as proto-loader hands it over: every field there but the optional ones, numbers not yet believed. */
export type WireStatusResponse = Omit<
  NodeStatus,
  'role' | 'leader' | 'leaderAddress' | 'votedFor' | 'stopped' | 'freeBytes' | 'peers'
> & {
  readonly role: string
  readonly leader?: string | undefined
  readonly leaderAddress?: string | undefined
  readonly votedFor?: string | undefined
  readonly stopped?: string | undefined
  readonly freeBytes?: number | undefined
  readonly followers: readonly WireFollower[]
}

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
}

export type WireSnapshot = Omit<SnapshotInfo, 'membership'> & { readonly membership: Membership | null }

const ROLES: readonly string[] = ['follower', 'pre-candidate', 'candidate', 'leader'] satisfies Role[]
const STATES: readonly string[] = ['probe', 'replicate', 'snapshot'] satisfies PeerStatus['state'][]

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

/** Throws ERR_RAFT_BAD_MESSAGE where a node says what cannot be. */
export function statusFromWire(wire: WireStatusResponse): NodeStatus {
  if (!ROLES.includes(wire.role)) throw badResponseError(`the role '${wire.role}' is unknown`)
  for (const name of INTEGERS) safeInteger(wire[name], name)
  const { followers, ...rest } = wire
  return {
    ...rest,
    role: wire.role as Role,
    leader: wire.leader ?? undefined,
    leaderAddress: wire.leaderAddress ?? undefined,
    votedFor: wire.votedFor ?? undefined,
    stopped: wire.stopped ?? undefined,
    freeBytes: wire.freeBytes === undefined ? undefined : safeInteger(wire.freeBytes, 'freeBytes'),
    membership: membershipFromWire(wire.membership),
    peers: followers.map(followerFromWire),
  }
}

function followerFromWire(wire: WireFollower): PeerStatus {
  if (!STATES.includes(wire.state)) throw badResponseError(`the state '${wire.state}' of a follower is unknown`)
  return {
    ...wire,
    state: wire.state as PeerStatus['state'],
    matchIndex: safeInteger(wire.matchIndex, 'matchIndex'),
    nextIndex: safeInteger(wire.nextIndex, 'nextIndex'),
    inflightBytes: safeInteger(wire.inflightBytes, 'inflightBytes'),
    silentMs: wire.silentMs ?? undefined,
  }
}

export function snapshotFromWire({ membership, ...wire }: WireSnapshot): SnapshotInfo {
  return {
    id: wire.id,
    index: safeInteger(wire.index, 'index'),
    term: safeInteger(wire.term, 'term'),
    membership: membershipFromWire(membership),
    size: safeInteger(wire.size, 'size'),
  }
}

function membershipFromWire(wire: Membership | null): Membership {
  try {
    return parseMembership(wire)
  } catch (cause) {
    throw badResponseError('its membership contradicts itself', cause)
  }
}

export function wireChangeOf({ add, promote, demote, remove, move }: MembershipChange): WireChange {
  return {
    add: (add ?? []).map((member) => ({ ...member, promote: member.promote ?? false })),
    promote: promote ?? [],
    demote: demote ?? [],
    remove: remove ?? [],
    move: move ?? [],
  }
}

/** The change an operator wants, its ids and addresses checked; throws ERR_RAFT_BAD_CHANGE. */
export function changeFromWire({ add, promote, demote, remove, move }: WireChange): MembershipChange {
  const ids = [...add.map(({ id }) => id), ...promote, ...demote, ...remove, ...move.map(({ id }) => id)]
  for (const id of ids) assertNodeId(id)
  for (const { id, address } of [...add, ...move])
    if (!/^[!-~]{1,255}$/.test(address))
      throw badChangeError(`the address of ${id} is not 1 to 255 printable characters`)
  if (ids.length === 0) throw badChangeError('it changes nothing')
  return { add, promote, demote, remove, move }
}

/** Throws ERR_RAFT_BAD_CHANGE for what no node may be called. */
export function assertNodeId(id: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(id)) return
  const shown = JSON.stringify(id.slice(0, 64))
  throw badChangeError(
    `${shown} is no node id: 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit`,
  )
}

function badChangeError(what: string): RaftError {
  return new RaftError('ERR_RAFT_BAD_CHANGE', `the change cannot be made: ${what}`)
}

function badResponseError(what: string, cause?: unknown): RaftError {
  return new RaftError('ERR_RAFT_BAD_MESSAGE', `an answer makes no sense: ${what}`, { cause })
}

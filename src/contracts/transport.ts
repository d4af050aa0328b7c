/** The network between peers: messages, and snapshot bytes on separate streams. */
import type { AppendEntriesRequest, Message, ProposeRequest } from '../core/messages.ts'
import type { MemberMetadata, NodeId } from '../core/types.ts'
import type { BlockBody, EncodedBlock } from './encoded-block.ts'
import type { BootHistory } from './storage.ts'

/** A message on the network: an AppendEntriesRequest contains the bytes of its blocks, and a ProposeRequest those of its commands. */
export type PeerMessage =
  | Exclude<Message, AppendEntriesRequest | ProposeRequest>
  | (Omit<AppendEntriesRequest, 'blocks'> & { readonly blocks: readonly EncodedBlock[] })
  | (Omit<ProposeRequest, 'payload'> & { readonly payload: BlockBody })

/** The oldest version of the protocol between nodes that this release supports. Version 3 added ProposeRequest, version 4 the source of an InstallSnapshotRequest. */
export const PROTOCOL_MIN = 2
/** The newest version of the protocol between nodes that this release supports. */
export const PROTOCOL_MAX = 4
/** From this version on, a node understands ProposeRequest. */
export const FORWARDING_PROTOCOL = 3

/** From this version on, a node fetches an offered snapshot from the member that the offer names. */
export const SOURCES_PROTOCOL = 4

/** The bytes that a message counts towards a limit: its blocks, and a constant for the rest. */
export function messageBytes(message: PeerMessage): number {
  if (message.type === 'AppendEntriesRequest')
    return message.blocks.reduce((sum, block) => sum + block.size, MESSAGE_OVERHEAD_BYTES)
  if (message.type === 'ProposeRequest') return MESSAGE_OVERHEAD_BYTES + message.size
  if (message.type === 'InstallSnapshotRequest')
    return MESSAGE_OVERHEAD_BYTES * (1 + message.snapshot.membership.members.length)
  return MESSAGE_OVERHEAD_BYTES
}

const MESSAGE_OVERHEAD_BYTES = 256

/** What both ends of a connection exchange in the handshake. */
export interface PeerIdentity {
  readonly clusterId: string
  readonly nodeId: NodeId
  readonly directoryId: string
  /** The boots of the data directory; undefined if the node does not count them. */
  readonly boot?: BootHistory | undefined
  /**
   * The newest version of the protocol between nodes that the peer supports; undefined if its transport does not tell. No proposals are
   * forwarded to a node whose version is unknown or too old.
   */
  readonly protocol?: number | undefined
  /** What the peer says of itself, to be recorded in the membership; undefined if its transport or its version does not tell. */
  readonly metadata?: MemberMetadata | undefined
  /** The newest version of commands that the state machine of the peer applies; undefined if its transport or its release does not tell: 1. */
  readonly machineVersion?: number | undefined
  /** A leader with a lower one transfers leadership to the peer; undefined if its transport or its release does not tell: 0. */
  readonly leaderPriority?: number | undefined
  /** Where the peer says that others reach it. Its transport adds it; a transport without addresses leaves it out. */
  readonly address?: string | undefined
  /** Of a peer that has connected to this node: the address at which it has reached this node, if its transport adds it. */
  readonly reachedAt?: string | undefined
}

/** Why a node refuses a peer. `code` is an ErrorCode such as ERR_RAFT_CLUSTER_MISMATCH or ERR_RAFT_DIRECTORY_MISMATCH. */
export interface Refusal {
  readonly code: string
  readonly message: string
}

/** What a transport calls. None of these throws or blocks. */
export interface TransportHost {
  readonly identity: PeerIdentity
  /** Called at each handshake, on both ends, before any message of the peer is delivered. Returns a refusal to reject it. */
  admit(peer: PeerIdentity): Refusal | undefined
  /** Delivers a validated message of an admitted peer. Messages of one connection arrive in the order they were sent. */
  receive(from: NodeId, message: PeerMessage): void
  peerConnected(peer: NodeId): void
  /**
   * A connection that this node opened reached the peer at this address; undefined: the peer answers at none of its addresses, or not
   * yet. Optional for a transport. A learner that is known to be out of reach is not made a voter.
   */
  peerReached(peer: NodeId, address: string | undefined): void
  /** The connection to a peer is lost; messages in flight may be lost. */
  peerLost(peer: NodeId, reason: string): void
  /** The peer has refused this node. */
  refusedBy(peer: NodeId, refusal: Refusal): void
  /** A condition of the transport that lasts and needs an operator began, changed, or ended (undefined). Optional for a transport. */
  condition(
    code: string,
    facts: { readonly message: string; readonly details: Readonly<Record<string, string | number>> } | undefined,
  ): void
  /** The bytes of a snapshot of this node from `offset`. The iteration throws ERR_RAFT_SNAPSHOT_GONE if it does not exist. */
  readSnapshot(id: string, offset: number): AsyncIterable<Uint8Array>
}

/** 'none': every caller that reaches the port may connect as any node or client. */
export type PortProtection = 'tls' | 'secret' | 'none'

/**
 * A transport may lose, duplicate, delay and reorder messages, but must not corrupt them: it delivers what was sent, validated, or
 * nothing. It reconnects automatically. `transportContract` of quorate/testing tests an implementation.
 * It must NOT block or throw in `send`, queue without a limit, deliver within `send`, or deliver after `close` has resolved.
 */
export interface Transport {
  /** How it connects to peers, in a word, for the status and the log of a node: 'grpc'. */
  readonly name?: string | undefined
  /** What keeps strangers out, for the status and the log of a node; undefined if it does not tell. */
  readonly protection?: PortProtection | undefined
  /** When the certificate of this node expires, in milliseconds since 1970; undefined if it has none, or its transport does not tell. */
  readonly certificateExpiresAt?: number | undefined
  /** Listens, and starts to connect. Rejects with ERR_RAFT_PORT_IN_USE or ERR_RAFT_LISTEN, and after `close` with ERR_RAFT_CLOSED. */
  start(host: TransportHost): Promise<void>
  /** The address at which peers reach this node, once started. */
  readonly address: string
  /**
   * Sets the peers to connect to, and their addresses. Closes connections to all others. `alternatives` are further addresses of some
   * peers, to be tried while a peer does not answer at its own; a transport may ignore them.
   */
  setPeers(addresses: ReadonlyMap<NodeId, string>, alternatives?: ReadonlyMap<NodeId, readonly string[]>): void
  /** Sends a message. If the peer is not connected, or its byte window is full, drops it and returns false. */
  send(to: NodeId, message: PeerMessage): boolean
  /**
   * The bytes of a peer's snapshot from `offset`, at the pace of the consumer. Throws ERR_RAFT_UNREACHABLE if the peer cannot be reached,
   * the connection is lost or the source fails; ERR_RAFT_SNAPSHOT_GONE if the peer does not have the snapshot; the code of the refusal if the
   * peer refuses this node; ERR_RAFT_CLOSED once this transport is closed; or the signal's reason if it is aborted.
   */
  fetchSnapshot(from: NodeId, id: string, offset: number, signal: AbortSignal): AsyncIterable<Uint8Array>
  /** After it resolves, the host is no longer called and nothing keeps the process alive. Idempotent. */
  close(): Promise<void>
}

/** What the runtime needs of a network: messages between peers, and snapshot bytes on a stream of their own. */
import type { AppendEntriesRequest, Message } from '../core/messages.ts'
import type { NodeId } from '../core/types.ts'
import type { EncodedBlock } from './encoded-block.ts'

/** A message as it travels: an AppendEntries carries its blocks' bytes. */
export type PeerMessage =
  | Exclude<Message, AppendEntriesRequest>
  | (Omit<AppendEntriesRequest, 'blocks'> & { readonly blocks: readonly EncodedBlock[] })

/** What a message counts against a window of bytes: its blocks, and a little for itself. */
export function messageBytes(message: PeerMessage): number {
  if (message.type === 'AppendEntriesRequest')
    return message.blocks.reduce((sum, block) => sum + block.size, MESSAGE_OVERHEAD_BYTES)
  if (message.type === 'InstallSnapshotRequest')
    return MESSAGE_OVERHEAD_BYTES * (1 + message.snapshot.membership.members.length)
  return MESSAGE_OVERHEAD_BYTES
}

const MESSAGE_OVERHEAD_BYTES = 256

/** The first thing both ends of a link show each other. */
export interface PeerIdentity {
  readonly clusterId: string
  readonly nodeId: NodeId
  readonly directoryId: string
}

/** Why a peer is turned away. `code` is one of errors.ts, e.g. ERR_RAFT_CLUSTER_MISMATCH, ERR_RAFT_DIRECTORY_MISMATCH. */
export interface Refusal {
  readonly code: string
  readonly message: string
}

/** What a transport calls. None of these throws; none blocks. */
export interface TransportHost {
  readonly identity: PeerIdentity
  /** Called at each handshake, on both ends, before any message of that peer is delivered. */
  admit(peer: PeerIdentity): Refusal | undefined
  /** A validated message of an admitted peer. Messages of one link arrive in the order they were sent. */
  receive(from: NodeId, message: PeerMessage): void
  peerConnected(peer: NodeId): void
  /** The link to a peer is gone; what was in flight may be lost. */
  peerLost(peer: NodeId, reason: string): void
  /** The peer turned this node away. */
  refusedBy(peer: NodeId, refusal: Refusal): void
  /** Bytes of a snapshot of ours, from `offset`; throws (async) ERR_RAFT_SNAPSHOT_GONE if there is none of that id. */
  readSnapshot(id: string, offset: number): AsyncIterable<Uint8Array>
}

/**
 * The law: a transport may lose, duplicate, delay and reorder messages (links of one peer pair normally keep order), never
 * corrupt them: what it delivers is what was sent, validated, or nothing. It reconnects by itself.
 * An implementor must NOT: block or throw in `send`, queue without bound, deliver after `close` resolved, deliver inside `send`.
 */
export interface Transport {
  /** Listens and begins to connect. Rejects with ERR_RAFT_PORT_IN_USE and the like. */
  start(host: TransportHost): Promise<void>
  /** The address others reach this node at, once started. */
  readonly address: string
  /** Whom to keep a link to, and where; replaces the former set. Links to others are closed. */
  setPeers(addresses: ReadonlyMap<NodeId, string>): void
  /** Hands a message over, never blocking. Beyond the byte window to that peer, or with no link, it is dropped and false returned. */
  send(to: NodeId, message: PeerMessage): boolean
  /**
   * Bytes of the peer's snapshot from `offset` on, paced by the consumer. Ends early with a RaftError if the link breaks
   * (ERR_RAFT_SNAPSHOT_GONE if the peer has none of that id), with the signal's reason if it is aborted.
   */
  fetchSnapshot(from: NodeId, id: string, offset: number, signal: AbortSignal): AsyncIterable<Uint8Array>
  /** Idempotent. After it resolved, the host is not called any more and nothing of it keeps the process alive. */
  close(): Promise<void>
}

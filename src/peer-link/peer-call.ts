/** What a peer protocol provides to a link: a call carries frames in both directions, and a connector opens calls to one peer. */
import type { Caller } from '../access/caller.ts'
import type { Refusal } from '../contracts/transport.ts'
import type { NodeId } from '../core/types.ts'
import type { FetchRequest, Frame } from './frames.ts'

/** Why this node ends a call. */
export type EndReason = 'done' | 'cancelled' | 'closing' | 'busy' | 'timeout' | 'malformed' | 'refused' | 'failed'

export interface CallListener {
  onFrame(frame: Frame): void
  /** Received bytes are not a frame, or are too many. Nothing more is received. */
  onMalformed(reason: string): void
  /** Called once, unless this end called `end`. */
  onEnded(reason: string): void
}

/** One connection or stream to a peer. */
export interface PeerCall {
  /** Who is at the other end; known once a frame was received. */
  readonly caller: Caller
  /** Calls `onWritten` once the connection has taken the frame, or never if the call ends first. */
  write(frame: Frame, onWritten: () => void): void
  /** Called once, before anything is received. Until `onGreeted`, a frame of more than HANDSHAKE_BYTES_MAX is malformed. */
  listen(listener: CallListener): void
  /** The handshake is complete. */
  onGreeted(): void
  /** Ends the call after the pending writes, or at once if it is cancelled or the node is closing. */
  end(reason: EndReason, details: string): void
}

/** Opens calls to one peer, one at a time. */
export interface PeerConnector {
  /**
   * Connects to the address and opens a call. Rejects if the peer's machine does not answer in `handshakeTimeoutMs`, or on abort; with a
   * RaftError if something answers that cannot be the peer.
   */
  open(address: string, signal: AbortSignal): Promise<PeerCall>
  /** Whether the call that was opened last still waits for a connection, which may take longer than the handshake. */
  readonly isConnecting: boolean
  /** Closes the connection that is kept for the next call. */
  reset(): void
}

export interface SnapshotFetch {
  readonly from: NodeId
  readonly address: string
  readonly request: FetchRequest
  /** Why the node that answers is not the one to fetch from, or undefined. */
  readonly sourceRefusal: (source: Caller) => Refusal | undefined
  /** When it is aborted, the iteration throws its reason. */
  readonly signal: AbortSignal
}

/** One way to connect to peers. */
export interface PeerProtocol {
  /** In a word, for the status of a node. */
  readonly name: string
  connector(): PeerConnector
  /** Yields the snapshot's bytes from `request.offset` on, over a separate connection, so that they do not delay heartbeats. */
  fetchSnapshot(fetch: SnapshotFetch): AsyncIterable<Uint8Array>
}

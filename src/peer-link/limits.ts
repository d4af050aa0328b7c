/** The limits of the links between nodes with their defaults, whatever carries the frames. */

/** The limits and times of a link; sizes in bytes, times in milliseconds. */
export interface PeerLinkLimits {
  /** The most bytes queued for one peer. A message that does not fit is dropped, unless the queue is empty. */
  readonly windowBytes: number
  /** The largest message, blocks included. A larger one is not sent; a peer that sends one is disconnected. */
  readonly messageBytesMax: number
  /** Messages queued for one peer share a write up to this size: the cost of a write hardly depends on its size. */
  readonly frameBytes: number
  /** The largest chunk of a snapshot transfer. */
  readonly chunkBytes: number
  /** The most snapshots sent at the same time. */
  readonly snapshotStreamsMax: number
  /** The first delay before reconnecting after a failure or a loss; it doubles up to `reconnectMaxMs`. */
  readonly reconnectMinMs: number
  /** The longest delay before reconnecting after a failure or a loss. */
  readonly reconnectMaxMs: number
  /** The first delay before reconnecting after a rejection; it doubles up to `refusalPauseMaxMs`. */
  readonly refusalPauseMinMs: number
  /** The longest delay after a rejection. A rejection needs an operator, and faster retries only fill logs. */
  readonly refusalPauseMaxMs: number
  /** How long a rejection is cached: a peer that retries sooner gets the same answer. */
  readonly refusalMemoryMs: number
  /** How long a connection attempt may take until the hello of the peer arrives. */
  readonly handshakeTimeoutMs: number
  /** The most incoming streams that wait for a hello. One more ends the one that has waited longest. */
  readonly handshakesMax: number
  /**
   * The most incoming connections of the port, peers and clients together; at most half of the descriptors (`ulimit -n`). For one more, the oldest on
   * which there was no greeting and no call is closed, such as one with an unfinished TLS handshake.
   */
  readonly connectionsMax: number
  /** The most connections of clients from one address. Further ones are rejected with ERR_RAFT_OVERLOADED. */
  readonly connectionsPerAddressMax: number
  /** The connections of `connectionsMax` that clients cannot take; at most half of them. */
  readonly peerConnectionsReserved: number
  /** A connection is closed if neither a peer greets nor a client calls on it within this time, in which the TLS handshake must end too. */
  readonly greetingTimeoutMs: number
  /** The interval of pings on an idle connection. */
  readonly keepaliveTimeMs: number
  /** A connection is closed if the reply to a ping takes this long. */
  readonly keepaliveTimeoutMs: number
  /** How often a node looks whether the files of its certificate were renewed, and whether it expires soon. */
  readonly certificateCheckMs: number
  /** The alarm `CERTIFICATE_EXPIRES` is raised this long before the certificate of the node expires. */
  readonly certificateWarningMs: number
  /** How long calls in progress may take to end when the transport closes. */
  readonly shutdownGraceMs: number
}

/** The defaults of PeerLinkLimits. */
export const PEER_LINK_DEFAULTS: PeerLinkLimits = {
  windowBytes: 8 * 1024 * 1024,
  messageBytesMax: 32 * 1024 * 1024,
  frameBytes: 64 * 1024,
  chunkBytes: 256 * 1024,
  snapshotStreamsMax: 8,
  reconnectMinMs: 50,
  reconnectMaxMs: 500,
  refusalPauseMinMs: 5000,
  refusalPauseMaxMs: 30_000,
  refusalMemoryMs: 1000,
  handshakeTimeoutMs: 2000,
  handshakesMax: 64,
  connectionsMax: 2048,
  connectionsPerAddressMax: 1024,
  peerConnectionsReserved: 64,
  greetingTimeoutMs: 5000,
  keepaliveTimeMs: 2000,
  keepaliveTimeoutMs: 2000,
  certificateCheckMs: 10_000,
  certificateWarningMs: 14 * 24 * 60 * 60 * 1000,
  shutdownGraceMs: 500,
}

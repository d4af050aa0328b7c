/**
 * `quorate/tcp`: the network of nodes as frames over TCP, which costs less than gRPC.
 *
 *     const node = await RaftNode.start({ ...options, transport: new TcpTransport({ listen: '127.0.0.1:7001' }) })
 *
 * `startNode` of "quorate" needs none of this: it takes `peerTransport: 'tcp'`, and serves clients and operators at the same port.
 *
 * @module
 */

// For transports of your own: check a message, and convert it to bytes and back.

export { refusalError } from '../peer-link/fetch-errors.ts'
export type { SnapshotRequest } from '../peer-link/frames.ts'
export { validatePeerMessage } from '../peer-link/message-fields.ts'
export { validatePeerIdentity, validateRefusal, validateSnapshotRequest } from '../peer-link/validated-values.ts'
export type { DecodeOptions } from './peer-message-codec.ts'
export { decodePeerMessage, encodePeerMessage } from './peer-message-codec.ts'

// The transport.

export type { TcpTransportOptions } from './options.ts'
export { TcpTransport } from './tcp-transport.ts'

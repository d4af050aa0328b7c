/**
 * The public API of "quorate/client": a client that finds the leader, over any kind of channel.
 *
 *     import { connect } from 'quorate/client'
 *     import { grpcChannelFactory } from 'quorate/grpc'
 *
 *     const client = connect<Command, Result>({ endpoints: ['127.0.0.1:7001'], channel: grpcChannelFactory() })
 *     const result = await client.propose(command, { timeoutMs: 2000 })
 *     await client.close()
 *
 * `connect` of "quorate" is a shorthand with gRPC channels.
 */

// The client and its options.

export type { ClientCodecs, ClientLimitOptions, RaftClientOptions } from './options.ts'
export { CLIENT_DEFAULTS } from './options.ts'
export type { EndpointStatus, QueryOptions } from './raft-client.ts'
export { connect, RaftClient } from './raft-client.ts'

// What its calls take and return.

export type { Applied, CallOptions, NodeStatus, ReadMode } from '../contracts/node-service.ts'

// The channel to one node, for other networks than gRPC.

export type { ClientChannel, ClientChannelFactory } from '../contracts/client-channel.ts'

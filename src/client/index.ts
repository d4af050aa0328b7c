/** The public API of "quorate/client": a client that finds the leader, over a channel of your choice. */
export type { ClientChannel, ClientChannelFactory } from '../contracts/client-channel.ts'
export type { Applied, CallOptions, NodeStatus, ReadMode } from '../contracts/node-service.ts'
export type { ClientCodecs, ClientLimitOptions, RaftClientOptions } from './options.ts'
export { CLIENT_DEFAULTS } from './options.ts'
export type { EndpointStatus, QueryOptions } from './raft-client.ts'
export { connect, RaftClient } from './raft-client.ts'

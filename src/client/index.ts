/** A client that finds the leader, over any kind of channel. src/client.ts adds `connect`, with gRPC as the default channel. */

// The client and its options.

export type { ClientCodecs, ClientLimitOptions, RaftClientOptions } from './options.ts'
export { CLIENT_DEFAULTS } from './options.ts'
export type { ClientProposeOptions, ClusterChange, EndpointStatus, QueryOptions } from './raft-client.ts'
export { RaftClient } from './raft-client.ts'

// What its calls take and return.

export type {
  Alarm,
  Applied,
  CallOptions,
  Change,
  ChangeBatch,
  ChangesOptions,
  NodeStatus,
  ReadMode,
} from '../contracts/node-service.ts'

// The channel to one node, for other networks than gRPC.

export type { ClientChannel, ClientChannelFactory } from '../contracts/client-channel.ts'

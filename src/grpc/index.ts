/** The face of "quorate/grpc": the network between nodes, and the port they share with clients. */

export type { GrpcServerOptions } from './grpc-server.ts'
export { GrpcServer } from './grpc-server.ts'
export { GrpcTransport } from './grpc-transport.ts'
export type { GrpcTransportLimits, GrpcTransportOptions } from './transport-options.ts'
export { GRPC_TRANSPORT_DEFAULTS } from './transport-options.ts'

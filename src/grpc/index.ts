/**
 * `quorate/grpc`: the network of nodes and clients over gRPC.
 *
 *     const transport = new GrpcTransport({ listen: '127.0.0.1:7001' })
 *     const node = await RaftNode.start({
 *       ...options,
 *       transport,
 *       beforeListen: (node) => {
 *         const { definition, implementation, end } = clientService(node)
 *         transport.server.addService(definition, implementation)
 *         transport.server.beforeClose(end)
 *       },
 *     })
 *
 * `startNode` of "quorate" does this, and also adds `adminService`. The protocols are in proto/quorate/v1.
 *
 * @module
 */

// The transport between nodes.

export { GrpcTransport } from './grpc-transport.ts'
export type { GrpcTransportLimits, GrpcTransportOptions } from './peer/transport-options.ts'
export { GRPC_TRANSPORT_DEFAULTS } from './peer/transport-options.ts'

// The services of a node for clients and operators, and the port that they share with the transport.

export type { GrpcServerOptions } from './grpc-server.ts'
export { GrpcServer } from './grpc-server.ts'
export { adminService } from './service/admin-service.ts'
export type { ClientServiceOptions } from './service/client-service.ts'
export { clientService } from './service/client-service.ts'
export { healthService, type ServingServices } from './service/health-service.ts'
export { addReflection } from './service/reflection-service.ts'
export type { GrpcService } from './service/unary-handler.ts'
export type { ServiceLimits } from './shared/service-limits.ts'
export { SERVICE_LIMITS } from './shared/service-limits.ts'

// The channel of a client.

export type { Caller, CertificateFacts } from '../access/caller.ts'
export type { ConnectionLimits } from '../peer-link/connection-limiter.ts'
export type { SharedSecret } from '../peer-link/secret-tls.ts'
export type { GrpcClientOptions } from './client/client-channel.ts'
export { GRPC_CLIENT_DEFAULTS, GrpcClientChannel, grpcChannelFactory } from './client/client-channel.ts'
export type { StreamLimits } from './client/request-window.ts'

/** Makes a client of a cluster. Its default channel, gRPC, is loaded only if it is used. */
import type { RaftClientOptions } from './client/options.ts'
import { RaftClient } from './client/raft-client.ts'
import type { ClientChannelFactory } from './contracts/client-channel.ts'
import type { GrpcClientOptions } from './grpc/client/client-channel.ts'
import type { ClientTlsFiles } from './peer-link/client-certificate-files.ts'
import type { ClientTlsOptions } from './peer-link/tls-options.ts'
import type { OptionProblem } from './platform/options.ts'
import { throwOnProblems, withoutUndefined } from './platform/options.ts'

export interface ConnectOptions<Command = unknown, Result = unknown, Query = unknown, Answer = unknown>
  extends Omit<RaftClientOptions<Command, Result, Query, Answer>, 'channel'> {
  /** How nodes are reached. Default: gRPC, with the options in `grpc`. */
  readonly channel?: ClientChannelFactory | undefined
  /**
   * Keys and certificates for TLS: `ca` of those that sign the nodes' certificates, and the client's own `cert` and `key` if the nodes ask for them. Files
   * (`caFile`, `certFile`, `keyFile`) are read again for each connection, so that renewed ones are used. Only for gRPC.
   */
  readonly tls?: ClientTlsOptions | ClientTlsFiles | undefined
  /** Instead of `tls`: the secret that the nodes share (`clusterSecret`). Only for gRPC. */
  readonly clusterSecret?: string | Buffer | undefined
  /** The bearer token of this client, if the nodes know it (`tokens`). Needs `tls`. Only for gRPC. */
  readonly token?: string | undefined
  /** Credentials of grpc-js and timeouts of the gRPC connections. */
  readonly grpc?: GrpcClientOptions | undefined
}

/**
 * Makes a client of the cluster that these endpoints belong to. It connects at its first call, and finds the leader itself.
 * Rejects with ERR_RAFT_OPTIONS, which names every invalid option.
 *
 *     const client = await connect<Command, Result>({ endpoints: ['127.0.0.1:7001'] })
 *     const result = await client.propose(command, { timeoutMs: 2000 })
 *     await client.close()
 */
export async function connect<Command = unknown, Result = unknown, Query = unknown, Answer = unknown>(
  given: ConnectOptions<Command, Result, Query, Answer>,
): Promise<RaftClient<Command, Result, Query, Answer>> {
  throwOnProblems(contradictions(given))
  const { grpc, tls, clusterSecret, token, channel, ...options } = given
  return new RaftClient({
    ...options,
    channel:
      channel ??
      (await grpcChannel({
        ...grpc,
        ...withoutUndefined({ tls: clusterSecret === undefined ? tls : { clusterSecret }, token }),
      })),
  })
}

/** Options of which one would have no effect. */
function contradictions(given: ConnectOptions): OptionProblem[] {
  const { channel, tls, clusterSecret, token, grpc } = given
  const problems: OptionProblem[] = []
  if (channel !== undefined)
    for (const path of ['tls', 'clusterSecret', 'token', 'grpc'] as const)
      if (given[path] !== undefined)
        problems.push({ path, problem: 'and `channel` exclude each other: the channel has its own' })
  if (tls !== undefined && clusterSecret !== undefined)
    problems.push({ path: 'tls', problem: 'and `clusterSecret` exclude each other' })
  if ((tls ?? clusterSecret) !== undefined && grpc?.tls !== undefined)
    problems.push({
      path: 'grpc',
      problem: `has \`tls\`, beside \`${tls === undefined ? 'clusterSecret' : 'tls'}\`: pass one of them`,
    })
  if (token !== undefined && grpc?.token !== undefined)
    problems.push({ path: 'grpc', problem: 'has `token`, beside `token`: pass one of them' })
  return problems
}

async function grpcChannel(options: GrpcClientOptions): Promise<ClientChannelFactory> {
  const { grpcChannelFactory } = await import('./grpc/client/client-channel.ts')
  return grpcChannelFactory(options)
}

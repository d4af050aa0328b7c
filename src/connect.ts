/** A client over gRPC in one call: wires quorate/client to quorate/grpc, which is loaded only now. */
import type { RaftClientOptions } from './client/options.ts'
import { RaftClient } from './client/raft-client.ts'
import type { GrpcClientOptions } from './grpc/client/client-channel.ts'

export interface ConnectOptions<Command = unknown, Result = unknown, Query = unknown, Answer = unknown>
  extends Omit<RaftClientOptions<Command, Result, Query, Answer>, 'channel'> {
  /** Credentials and settings of the connections. */
  readonly grpc?: GrpcClientOptions | undefined
}

/** Makes a client of the cluster that these endpoints belong to; it connects when it is first used. */
export async function connect<Command = unknown, Result = unknown, Query = unknown, Answer = unknown>({
  grpc,
  ...options
}: ConnectOptions<Command, Result, Query, Answer>): Promise<RaftClient<Command, Result, Query, Answer>> {
  const { grpcChannelFactory } = await import('./grpc/client/client-channel.ts')
  return new RaftClient({ ...options, channel: grpcChannelFactory(grpc) })
}

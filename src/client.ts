/**
 * `quorate/client`: a client that finds the leader, over gRPC or any other kind of channel.
 *
 *     import { connect } from 'quorate/client'
 *
 *     const client = await connect<Command, Result>({ endpoints: ['127.0.0.1:7001'] })
 *     const result = await client.propose(command, { timeoutMs: 2000 })
 *     await client.close()
 *
 * @module
 */
export * from './client/index.ts'
export { type ConnectOptions, connect } from './connect.ts'

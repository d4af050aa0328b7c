/** Parses 'host:port', and tests whether a port can be bound, because grpc-js reports a port in use unreliably. */
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { isRaftError, RaftError } from '../errors.ts'

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** Parses 'host:port' or '[v6]:port'; port 0 means any free port. Throws ERR_RAFT_LISTEN. */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s/]+)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (match === null || port > 65_535)
    throw new RaftError('ERR_RAFT_LISTEN', `cannot listen on '${text}': it is not host:port`, {
      hint: "give an address of this machine and a port, such as '127.0.0.1:7001'",
    })
  return { host: (match[1] ?? match[2]) as string, port }
}

/** Whether the text is an address to connect to. */
export function isAddress(text: string): boolean {
  try {
    return parseListenAddress(text).port > 0
  } catch (error) {
    if (isRaftError(error, 'ERR_RAFT_LISTEN')) return false
    throw error
  }
}

export function formatAddress({ host, port }: ListenAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Whether the address means every interface, so that others cannot connect to it by that name. */
export function isWildcard({ host }: ListenAddress): boolean {
  return host === '0.0.0.0' || /^[0:]+$/.test(host)
}

/** Whether only this machine reaches the address. */
export function isLoopback({ host }: ListenAddress): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

/**
 * Binds the port, releases it, and resolves with the numeric address that was bound; the server then binds exactly that one.
 * Given a name with two addresses, grpc-js succeeds if one of them is free, and another process would answer on the other.
 */
export async function probeListen(listen: ListenAddress): Promise<ListenAddress> {
  const server = createServer()
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host: listen.host, port: listen.port, exclusive: true }, resolve)
    })
  } catch (cause) {
    throw listenError(listen, cause)
  }
  const { address } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return { host: address, port: listen.port }
}

/** The RaftError for a failed listen, from an error of Node or from the text in which grpc-js quotes one. */
export function listenError(listen: ListenAddress, cause: unknown): RaftError {
  const where = formatAddress(listen)
  const text =
    cause instanceof Error ? `${(cause as NodeJS.ErrnoException).code ?? ''} ${cause.message}` : String(cause)
  if (text.includes('EADDRINUSE'))
    return new RaftError('ERR_RAFT_PORT_IN_USE', `${where} is in use by another process`, {
      hint: 'stop that process, or listen on another port',
      details: { address: where },
      cause,
    })
  return new RaftError('ERR_RAFT_LISTEN', `cannot listen on ${where}: ${listenFailure(text)}`, {
    hint: 'listen on an address of this machine and a port you may open',
    details: { address: where },
    cause,
  })
}

function listenFailure(text: string): string {
  if (text.includes('EACCES')) return 'this user may not open that port (EACCES)'
  if (text.includes('EADDRNOTAVAIL')) return 'this machine does not have that address (EADDRNOTAVAIL)'
  if (/ENOTFOUND|EAI_AGAIN/.test(text)) return 'the host name is unknown (ENOTFOUND)'
  return text.trim()
}

/** Where a server listens: reads 'host:port', and tries the port first, because grpc-js reports a busy one badly or not at all. */

import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { RaftError } from '../../errors.ts'

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** Reads 'host:port' or '[v6]:port'; port 0 means any free one. Throws ERR_RAFT_LISTEN. */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s/]+)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (match === null || port > 65_535)
    throw new RaftError('ERR_RAFT_LISTEN', `cannot listen on '${text}': it is not host:port`, {
      hint: "give an address of this machine and a port, such as '127.0.0.1:7001'",
    })
  return { host: (match[1] ?? match[2]) as string, port }
}

export function formatAddress({ host, port }: ListenAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Whether the address stands for every interface, and so names none that others could connect to. */
export function isWildcard({ host }: ListenAddress): boolean {
  return host === '0.0.0.0' || /^[0:]+$/.test(host)
}

/**
 * Binds the port for a moment. Resolves with the one numeric address the name stands for, so that what is bound later is what was
 * tried here: given a name of two addresses, grpc-js is content with one of them, and another process answers on the other.
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

/** Why listening failed, in words, from node's error or from grpc-js's text that quotes one. */
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
  if (/ENOTFOUND|EAI_AGAIN/.test(text)) return 'no address is known by that name (ENOTFOUND)'
  return text.trim()
}

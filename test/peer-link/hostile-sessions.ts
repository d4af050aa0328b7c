/** How the hostile peers of the tests connect: in plain text, or inside a TLS session with a certificate that the node trusts. */
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { clientOptions } from '../../src/peer-link/tls.ts'
import type { TlsOptions } from '../../src/peer-link/tls-options.ts'
import { nodeTls, roleTls } from './certificates.ts'

/** The certificate of every peer that the tests name. */
export const PEER: TlsOptions = await nodeTls('n1', 'n2', 'n9', 'honest')
/** Trusted, and of no peer. */
export const CLIENT: TlsOptions = await roleTls('client')

export const SESSIONS: readonly { readonly over: string; readonly tls: TlsOptions | undefined }[] = [
  { over: 'in plain text', tls: undefined },
  { over: 'inside TLS, with the certificate of a peer', tls: PEER },
]

/** Writes nothing before the connection is open, and with TLS before the handshake is complete. */
export async function openConnection(address: string, tls: TlsOptions | undefined): Promise<Socket> {
  const [host = '', port] = address.split(':')
  const options = { host, port: Number(port) }
  const socket = tls === undefined ? connect(options) : connectTls({ ...clientOptions(tls, host), ...options })
  socket.on('error', () => undefined)
  await new Promise((resolve) => socket.once(tls === undefined ? 'connect' : 'secureConnect', resolve))
  return socket
}

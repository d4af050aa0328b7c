/** TLS from keys and certificates: one set of them for the port, for connections to peers, and for gRPC. */
import type { Socket } from 'node:net'
import { isIP } from 'node:net'
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import { connect, createSecureContext, createServer } from 'node:tls'
import { RaftError } from '../errors.ts'
import { errorMessage } from '../platform/error-message.ts'
import { formatValue } from '../platform/options.ts'
import { readPreface } from './preface.ts'
import type { PortProtocol } from './shared-port.ts'

type Pem = string | Buffer

/** Keys and certificates in PEM format. */
export interface TlsOptions {
  /** The private key of this node. */
  readonly key: Pem
  /** The certificate of this node. It must name the address at which others reach this node. */
  readonly cert: Pem
  /** The authorities that sign the certificates of peers and clients. By default those of the system, and clients need no certificate. */
  readonly ca?: Pem | undefined
  /** Whether peers and clients that connect to this node must have a certificate signed by `ca`. Default true if `ca` is given. */
  readonly verifyClients?: boolean | undefined
}

/** What a client needs for TLS, in PEM format. */
export interface ClientTlsOptions {
  /** The authorities that sign the certificates of the nodes. By default those of the system. */
  readonly ca?: Pem | undefined
  /** The certificate of the client, and its private key: if the nodes ask for one. */
  readonly cert?: Pem | undefined
  readonly key?: Pem | undefined
}

/** Why the value cannot be used as ClientTlsOptions. */
export function checkClientTls(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return `must be an object, not ${formatValue(value)}`
  const { key, cert, ca } = value as ClientTlsOptions
  if ((key === undefined) !== (cert === undefined)) return 'must have both `key` and `cert`, or neither'
  try {
    createSecureContext({ key, cert, ca })
  } catch (error) {
    return `has a key or certificate that cannot be used: ${errorMessage(error)}`
  }
  return undefined
}

/** Why the value cannot be used as TlsOptions. */
export function checkTls(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return `must have \`key\` and \`cert\`, not be ${formatValue(value)}`
  const { key, cert, ca, verifyClients } = value as Partial<TlsOptions>
  if (key === undefined || cert === undefined) return 'must have `key` and `cert`'
  if (verifyClients === true && ca === undefined) return 'must have `ca` to verify clients'
  try {
    createSecureContext({ key, cert, ca })
  } catch (error) {
    return `has a key or certificate that cannot be used: ${errorMessage(error)}`
  }
  return undefined
}

/**
 * Returns a function that takes an incoming connection: `onConnection` gets it after the TLS handshake, if there must be one. A peer that
 * begins without it gets the reason from `protocol`.
 */
export function takingTls(
  tls: TlsOptions | undefined,
  onConnection: (socket: Socket) => void,
  protocol?: Pick<PortProtocol, 'prefaceBytes' | 'refusePlain'>,
): (socket: Socket) => void {
  if (tls === undefined) return onConnection
  const { key, cert, ca, verifyClients = ca !== undefined } = tls
  const server = createServer({
    ...{ key, cert, ca, requestCert: verifyClients, rejectUnauthorized: verifyClients },
    ALPNProtocols: ['h2'],
  })
  server.on('secureConnection', (socket) => {
    socket.on('error', () => undefined)
    onConnection(socket)
  })
  server.on('tlsClientError', (_, socket) => socket.destroy())
  const secure = (socket: Socket): void => void server.emit('connection', socket)
  if (protocol === undefined) return secure
  return (socket) =>
    readPreface(
      socket,
      protocol.prefaceBytes,
      (preface) => protocol.refusePlain(socket, preface),
      () => secure(socket),
    )
}

/** Makes an open connection to a peer secure. Rejects with ERR_RAFT_PROTOCOL and the reason if the peer does not agree. */
export function secureConnection(
  socket: Socket,
  { key, cert, ca }: TlsOptions,
  { address, host, timeoutMs }: { readonly address: string; readonly host: string; readonly timeoutMs: number },
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const options: ConnectionOptions = { socket, host, key, cert, ca }
    const secure = connect(isIP(host) === 0 ? { ...options, servername: host } : options)
    const fail = (reason: string): void => {
      clearTimeout(timeout)
      secure.destroy()
      reject(tlsError(address, reason))
    }
    const timeout = setTimeout(() => fail(`no answer within ${timeoutMs} ms`), timeoutMs)
    timeout.unref()
    secure.on('error', (error) => fail(tlsReason(error)))
    secure.once('close', () => fail('the peer has closed the connection'))
    secure.once('secureConnect', () => {
      clearTimeout(timeout)
      resolve(secure)
    })
  })
}

/** OpenSSL names its source files and an address in memory in front of the reason. */
function tlsReason(error: Error & { readonly code?: string; readonly reason?: string }): string {
  if (error.code === 'ERR_SSL_WRONG_VERSION_NUMBER') return 'it answers without TLS'
  return error.reason ?? errorMessage(error)
}

function tlsError(address: string, reason: string): RaftError {
  return new RaftError('ERR_RAFT_PROTOCOL', `TLS with ${address} failed: ${reason}`, {
    hint: 'all nodes need TLS or none, with certificates that the others trust and that name the address',
    details: { address },
  })
}

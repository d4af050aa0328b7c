/** TLS at the port and on connections to peers. */
import { constants } from 'node:crypto'
import type { Socket } from 'node:net'
import { isIP } from 'node:net'
import type { ConnectionOptions, TlsOptions as ServerOptions } from 'node:tls'
import { connect, createServer, TLSSocket } from 'node:tls'
import type { Caller } from '../access/caller.ts'
import { callerWithCertificate, UNIDENTIFIED } from '../access/caller.ts'
import type { RaftError } from '../errors.ts'
import { errorMessage } from '../platform/error-message.ts'
import { CertificateFiles } from './certificate-files.ts'
import { ClientCertificateFiles } from './client-certificate-files.ts'
import { HTTP2_PREFACE, readPreface } from './preface.ts'
import type { SharedSecret } from './secret-tls.ts'
import { hasSecret, secretClient, secretServer } from './secret-tls.ts'
import type { PortProtocol } from './shared-port.ts'
import { distrustInWords, tlsError, tlsFailureIn } from './tls-failure.ts'
import type { ClientTlsOptions, TlsOptions } from './tls-options.ts'

/** Takes a connection. */
export type ConnectionTaker = (socket: Socket, caller: Caller) => void

const PREFACE_BYTES = 8

/**
 * Returns a function that takes an incoming connection: `onConnection` gets it after the TLS handshake, if there must be one, with the
 * certificate of the caller, whether it is trusted or not: a caller that is refused gets the reason in its own protocol. So does a peer that begins
 * without TLS, from `protocol`, and a gRPC connection without TLS, as a caller of kind 'plain text'.
 */
export function takingTls(
  tls: TlsOptions | SharedSecret | undefined,
  onConnection: ConnectionTaker,
  protocol?: Pick<PortProtocol, 'prefaceBytes' | 'refusePlain'>,
): (socket: Socket) => void {
  if (tls === undefined) return (socket) => onConnection(socket, UNIDENTIFIED)
  const server = createServer({ ...serverOptions(tls), ALPNProtocols: ['h2'] })
  if (tls instanceof CertificateFiles) tls.onRenewed(() => server.setSecureContext(serverOptions(tls)))
  server.on('secureConnection', (socket) => {
    socket.on('error', () => undefined)
    onConnection(socket, hasSecret(tls) ? UNIDENTIFIED : callerOf(socket))
  })
  server.on('tlsClientError', (_, socket) => socket.destroy())
  return (socket) => {
    let isHttp2 = false
    readPreface(
      socket,
      protocol?.prefaceBytes ?? PREFACE_BYTES,
      (preface) => {
        isHttp2 = HTTP2_PREFACE.startsWith(preface.toString('latin1'))
        return protocol?.refusePlain(socket, preface) ?? false
      },
      () => {
        if (isHttp2) onConnection(socket, { kind: 'plain text' })
        else server.emit('connection', socket)
      },
    )
  }
}

function serverOptions(tls: TlsOptions | SharedSecret): ServerOptions {
  // A resumed session would keep a certificate that is no longer trusted.
  const secureOptions = constants.SSL_OP_NO_TICKET
  if (hasSecret(tls)) return { ...secretServer(tls), secureOptions }
  const { key, cert, ca } = tls
  return { key, cert, ca, secureOptions, requestCert: true, rejectUnauthorized: false }
}

/** What the connection shows of the other end. */
export function callerOf(socket: Socket): Caller {
  if (!(socket instanceof TLSSocket)) return UNIDENTIFIED
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return { kind: 'anonymous' }
  const problem = socket.authorized ? undefined : distrustInWords(String(socket.authorizationError))
  return callerWithCertificate(() => certificate, problem)
}

/** How to secure a connection to this host, with the keys and certificates as they are now. The certificate that answers must name the host. */
export function clientOptions(tls: ClientTlsOptions | SharedSecret, host: string): ConnectionOptions {
  if (hasSecret(tls)) return { host, ...secretClient(tls) }
  if (tls instanceof ClientCertificateFiles) tls.renew()
  const { key, cert, ca } = tls
  // An IP address is no server name (RFC 6066), but is compared with the certificate.
  const named = isIP(host) === 0 ? { servername: host } : {}
  return { host, ...named, key, cert, ca, rejectUnauthorized: true }
}

/** Makes an open connection to a peer secure. Rejects if the peer does not agree: with ERR_RAFT_UNAUTHENTICATED if it is not trusted, or ERR_RAFT_PROTOCOL. */
export function secureConnection(
  socket: Socket,
  tls: TlsOptions | SharedSecret,
  { address, host, timeoutMs }: { readonly address: string; readonly host: string; readonly timeoutMs: number },
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const secure = connect({ socket, ...clientOptions(tls, host) })
    const fail = (error: RaftError): void => {
      clearTimeout(timeout)
      secure.destroy()
      reject(error)
    }
    const failWith = (reason: string): void => fail(tlsError(address, { reason, isUntrusted: false }))
    const timeout = setTimeout(() => failWith(`no answer within ${timeoutMs} ms`), timeoutMs)
    timeout.unref()
    secure.on('error', (error: Error & { readonly code?: string }) => {
      const failure = tlsFailureIn(`${error.code ?? ''} ${errorMessage(error)}`)
      fail(tlsError(address, failure ?? { reason: errorMessage(error), isUntrusted: false }))
    })
    secure.once('close', () => failWith('the peer has closed the connection'))
    secure.once('secureConnect', () => {
      clearTimeout(timeout)
      resolve(secure)
    })
  })
}

/** Credentials of grpc-js from keys and certificates, or from a shared secret. */
import type { Socket } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import { connect } from 'node:tls'
import type { ChannelOptions } from '@grpc/grpc-js'
import { CallCredentials, ChannelCredentials, experimental } from '@grpc/grpc-js'
import type { ClientTlsFiles } from '../../peer-link/client-certificate-files.ts'
import { readClientTls } from '../../peer-link/client-certificate-files.ts'
import type { SharedSecret } from '../../peer-link/secret-tls.ts'
import { clientOptions } from '../../peer-link/tls.ts'
import type { ClientTlsOptions } from '../../peer-link/tls-options.ts'

type Connector = ReturnType<ChannelCredentials['_createSecureConnector']>
type Target = Parameters<ChannelCredentials['_createSecureConnector']>[0]

/** Each connection takes the keys and certificates as they are when it opens. */
export function tlsCredentials(tls: ClientTlsOptions | ClientTlsFiles | SharedSecret): ChannelCredentials {
  return new TlsCredentials(readClientTls(tls))
}

/**
 * Those of grpc-js keep the keys that they were made with, know no shared secrets, and send an IP address as the name of the server, about which Node
 * warns (DEP0123).
 */
class TlsCredentials extends ChannelCredentials {
  readonly #tls: ClientTlsOptions | SharedSecret

  constructor(tls: ClientTlsOptions | SharedSecret) {
    super()
    this.#tls = tls
  }

  override _isSecure(): boolean {
    return true
  }

  override _equals(other: ChannelCredentials): boolean {
    return other === this
  }

  override _createSecureConnector(
    target: Target,
    options: ChannelOptions,
    callCredentials?: CallCredentials,
  ): Connector {
    const host = options['grpc.ssl_target_name_override'] ?? hostOf(target)
    return {
      connect: (socket) => secured(socket, clientOptions(this.#tls, host)),
      waitForReady: async () => undefined,
      getCallCredentials: () => callCredentials ?? CallCredentials.createEmpty(),
      destroy: () => undefined,
    }
  }
}

function hostOf({ path }: Target): string {
  return experimental.splitHostPort(path)?.host ?? path
}

function secured(socket: Socket, options: ConnectionOptions): ReturnType<Connector['connect']> {
  return new Promise((resolve, reject) => {
    const secure = connect({ socket, ...options, ALPNProtocols: ['h2'] }, () => {
      secure.off('error', reject)
      resolve({ socket: secure, secure: true })
    })
    secure.once('error', reject)
    secure.once('close', () => reject(new Error('the node has closed the connection')))
  })
}

/** Credentials of grpc-js for connections that are secured by a shared secret. */
import type { Socket } from 'node:net'
import { connect } from 'node:tls'
import { CallCredentials, ChannelCredentials } from '@grpc/grpc-js'
import type { SharedSecret } from '../../peer-link/secret-tls.ts'
import { secretClient } from '../../peer-link/secret-tls.ts'

type Connector = ReturnType<ChannelCredentials['_createSecureConnector']>

export class SecretCredentials extends ChannelCredentials {
  readonly #secret: SharedSecret

  constructor(secret: SharedSecret) {
    super()
    this.#secret = secret
  }

  override _isSecure(): boolean {
    return true
  }

  override _equals(other: ChannelCredentials): boolean {
    return other === this
  }

  override _createSecureConnector(_: unknown, __: unknown, callCredentials?: CallCredentials): Connector {
    return {
      connect: (socket) => secured(socket, this.#secret),
      waitForReady: async () => undefined,
      getCallCredentials: () => callCredentials ?? CallCredentials.createEmpty(),
      destroy: () => undefined,
    }
  }
}

function secured(socket: Socket, secret: SharedSecret): ReturnType<Connector['connect']> {
  return new Promise((resolve, reject) => {
    const secure = connect({ socket, ...secretClient(secret) }, () => {
      secure.off('error', reject)
      resolve({ socket: secure, secure: true })
    })
    secure.once('error', reject)
    secure.once('close', () => reject(new Error('the node has closed the connection')))
  })
}

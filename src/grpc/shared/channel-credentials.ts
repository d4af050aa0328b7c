/** Credentials of grpc-js from keys and certificates. */
import { ChannelCredentials } from '@grpc/grpc-js'
import type { SharedSecret } from '../../peer-link/secret-tls.ts'
import { hasSecret } from '../../peer-link/secret-tls.ts'
import type { ClientTlsOptions } from '../../peer-link/tls-options.ts'
import { SecretCredentials } from './secret-credentials.ts'

export function tlsCredentials(tls: ClientTlsOptions | SharedSecret): ChannelCredentials {
  if (hasSecret(tls)) return new SecretCredentials(tls)
  const { ca, key, cert } = tls
  const [authorities, ownKey, own] = [ca, key, cert].map((pem) => (pem === undefined ? null : Buffer.from(pem)))
  return ChannelCredentials.createSsl(authorities, ownKey, own)
}

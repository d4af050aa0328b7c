/** Credentials of grpc-js from keys and certificates. */
import { ChannelCredentials } from '@grpc/grpc-js'
import type { ClientTlsOptions } from '../../peer-link/tls-options.ts'

export function tlsCredentials({ ca, key, cert }: ClientTlsOptions): ChannelCredentials {
  const [authorities, ownKey, own] = [ca, key, cert].map((pem) => (pem === undefined ? null : Buffer.from(pem)))
  return ChannelCredentials.createSsl(authorities, ownKey, own)
}

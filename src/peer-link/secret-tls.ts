/**
 * TLS with a shared secret instead of certificates (TLS-PSK, RFC 4279 and RFC 8442): each end proves that it has the secret, with fresh random numbers of both, and
 * never sends it. The connection is encrypted, with a key exchange of its own.
 */
import { createHmac } from 'node:crypto'
import type { ConnectionOptions, TlsOptions as ServerOptions } from 'node:tls'
import { checkParts } from '../platform/options.ts'

/** A secret that all nodes and clients of a cluster share. */
export interface SharedSecret {
  /** At least 16 bytes, at best random. */
  readonly clusterSecret: string | Buffer
}

const SECRET_BYTES_MIN = 16
const IDENTITY = 'quorate'
/** Node.js supports such secrets up to version 1.2 of TLS only. */
const SETTINGS = {
  ciphers: 'ECDHE-PSK-CHACHA20-POLY1305',
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.2',
  ALPNProtocols: ['h2'],
} as const

export function hasSecret<Tls extends object>(tls: Tls | SharedSecret | undefined): tls is SharedSecret {
  return tls !== undefined && 'clusterSecret' in tls
}

/** Why the value cannot be used as a secret. The message does not contain it. */
export function checkSecret(value: unknown): string | undefined {
  if (typeof value !== 'string' && !Buffer.isBuffer(value)) return 'must be a string or a Buffer'
  const { length } = Buffer.from(value as string)
  return length >= SECRET_BYTES_MIN ? undefined : `must have at least ${SECRET_BYTES_MIN} bytes, not ${length}`
}

/** Why the value cannot be used as SharedSecret. */
export function checkSharedSecret(value: object): string | undefined {
  return checkParts(value, { clusterSecret: checkSecret })
}

export function secretServer({ clusterSecret }: SharedSecret): ServerOptions {
  const key = keyOf(clusterSecret)
  return { ...SETTINGS, pskCallback: (_, identity) => (identity === IDENTITY ? key : null) }
}

export function secretClient({ clusterSecret }: SharedSecret): ConnectionOptions {
  const psk = keyOf(clusterSecret)
  // There is no certificate whose names could be checked: the secret is the proof.
  return { ...SETTINGS, pskCallback: () => ({ psk, identity: IDENTITY }), checkServerIdentity: () => undefined }
}

function keyOf(secret: string | Buffer): Buffer {
  return createHmac('sha256', secret).update('quorate cluster secret, version 1').digest()
}

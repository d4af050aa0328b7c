/** Says in words why TLS with a node failed, without the numbers and file names of OpenSSL. */
import { RaftError } from '../errors.ts'
import { errorMessage } from '../platform/error-message.ts'

export interface TlsFailure {
  readonly reason: string
  /** Whether one end does not trust the certificate of the other. If not, they do not both speak TLS. */
  readonly isUntrusted: boolean
  /** What to do, if that is not about certificates. */
  readonly hint?: string | undefined
}

const ONE_SECRET = 'all nodes and clients of a cluster need the same secret: --cluster-secret, or `clusterSecret`'
const ONE_KIND = 'all nodes and clients of a cluster need the secret, or all need certificates'

const WORDS: readonly (readonly [RegExp, string])[] = [
  [/DEPTH_ZERO_SELF_SIGNED_CERT|self[- ]signed certificate$/i, 'it is signed by itself'],
  [/SELF_SIGNED_CERT_IN_CHAIN|self[- ]signed certificate in/i, 'none of the authorities in `ca` has signed it'],
  [
    /UNABLE_TO_GET_ISSUER_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE|unable to (get|verify)/i,
    'none of the authorities in `ca` has signed it',
  ],
  [/CERT_SIGNATURE_FAILURE|signature failure/i, 'another authority of the same name has signed it'],
  [/CERT_HAS_EXPIRED|certificate has expired/i, 'it has expired'],
  [/CERT_NOT_YET_VALID|not yet valid/i, 'it is not valid yet'],
  [/INVALID_PURPOSE|unsuitable certificate purpose/i, 'it is not for this use'],
]

/** Why a certificate is not trusted, from a code or message of Node. */
export function distrustInWords(text: string): string {
  return WORDS.find(([pattern]) => pattern.test(text))?.[1] ?? text.toLowerCase().replaceAll('_', ' ')
}

/** Undefined if the text is not about TLS. */
export function tlsFailureIn(text: string): TlsFailure | undefined {
  if (/wrong version number|WRONG_VERSION_NUMBER|packet length too long|http request/i.test(text))
    return { reason: 'it answers without TLS', isUntrusted: false }
  if (/bad record mac/i.test(text))
    return { reason: 'it has another cluster secret', isUntrusted: true, hint: ONE_SECRET }
  if (/handshake failure|no shared cipher|insufficient security/i.test(text))
    return { reason: 'one end has a cluster secret, and the other end certificates', isUntrusted: true, hint: ONE_KIND }
  const altNames = /does not match certificate's altnames: (.*?)(?: Resolution note|$)/i.exec(text)?.[1]
  if (altNames !== undefined)
    return { reason: `its certificate is for other addresses: ${altNames}`, isUntrusted: true }
  const known = WORDS.find(([pattern]) => pattern.test(text))
  if (known !== undefined) return { reason: `its certificate is not trusted: ${known[1]}`, isUntrusted: true }
  const openssl = /SSL routines:[^:]*:([^:]+)/.exec(text)?.[1]
  return openssl === undefined ? undefined : { reason: openssl.trim(), isUntrusted: /alert/.test(openssl) }
}

/** Why a key or a certificate cannot be used, from an error of Node. */
export function keyProblemInWords(error: unknown): string {
  const text = errorMessage(error)
  if (/key values mismatch/.test(text)) return 'the key is not that of the certificate'
  return /^error:[^:]*:[^:]*:[^:]*:(.+)$/.exec(text)?.[1] ?? text
}

export function tlsError(address: string, { reason, isUntrusted, hint }: TlsFailure): RaftError {
  return new RaftError(
    isUntrusted ? 'ERR_RAFT_UNAUTHENTICATED' : 'ERR_RAFT_PROTOCOL',
    `TLS with ${address} failed: ${reason}`,
    {
      hint:
        hint ??
        (isUntrusted
          ? 'use certificates of one authority, which name the address, and give that authority as `ca`'
          : 'all nodes and clients need TLS, or none'),
      details: { address },
    },
  )
}

/** Keys and certificates for tests, made at the first import: valid for localhost and 127.0.0.1. */
import { nodeUri } from '../../src/access/peer-certificate.ts'
import type { CallerRole } from '../../src/access/roles.ts'
import { roleUri } from '../../src/access/roles.ts'
import type { KeyPair } from '../../src/cli/cert/certificates.ts'
import { issueCertificate, makeAuthority } from '../../src/cli/cert/certificates.ts'
import type { TlsOptions } from '../../src/peer-link/tls-options.ts'

const HOSTS = ['localhost', '127.0.0.1']

export const AUTHORITY: KeyPair = await makeAuthority({ commonName: 'test ca', uri: 'raft://test', days: 60 })

/** What is in a certificate of a test. */
export interface TestCertificate {
  readonly uris?: readonly string[]
  readonly hosts?: readonly string[]
  readonly authority?: KeyPair
  readonly days?: number
}

/** Trusts AUTHORITY, which has signed the certificate unless another one has. */
export async function tlsWith({
  uris = [],
  hosts = HOSTS,
  authority = AUTHORITY,
  days = 30,
}: TestCertificate): Promise<TlsOptions> {
  const { cert, key } = await issueCertificate(authority, { commonName: 'test', hosts, uris, days })
  return { ca: AUTHORITY.cert, cert, key }
}

/** The certificate of these nodes of the cluster 'test'. */
export function nodeTls(...ids: readonly string[]): Promise<TlsOptions> {
  return tlsWith({ uris: ids.map((nodeId) => nodeUri({ clusterId: 'test', nodeId })) })
}

/** The certificate of a client with this role. */
export function roleTls(role: CallerRole, clusterId = 'test'): Promise<TlsOptions> {
  return tlsWith({ uris: [roleUri(clusterId, role)] })
}

const IDS = [
  'a',
  'b',
  'c',
  'n1',
  'n2',
  'n3',
  ...['a', 'b'].flatMap((id) => [0, 1, 2, 3].map((round) => `${id}${round}`)),
]

/** May be any node of the tests, in the cluster 'test' and in that of the contract suites. */
const ANY_NODE = ['test', 'test cluster'].flatMap((clusterId) => IDS.map((nodeId) => nodeUri({ clusterId, nodeId })))

export const NODE: TlsOptions = await tlsWith({ uris: ANY_NODE })

/** Trusts the authority, but has a certificate that it has not signed. */
export const STRANGER: TlsOptions = await tlsWith({
  uris: ANY_NODE,
  authority: await makeAuthority({ commonName: 'stranger', uri: 'raft://stranger', days: 60 }),
})

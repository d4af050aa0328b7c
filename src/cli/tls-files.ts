/** The flags for TLS, of nodes and of clients, and the files that they name. */
import { InvalidArgumentError, Option } from 'commander'
import type { CallerRole } from '../access/roles.ts'
import { ROLES } from '../access/roles.ts'
import { RaftError } from '../errors.ts'
import type { TlsFiles } from '../peer-link/certificate-files.ts'
import type { ClientTlsFiles } from '../peer-link/client-certificate-files.ts'
import type { SharedSecret } from '../peer-link/secret-tls.ts'
import { readFlagFile } from './flag-file.ts'

export interface TlsFlags {
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly tlsCa?: string
  readonly clusterSecret?: string | undefined
}

export interface NodeTlsFlags extends TlsFlags {
  readonly nodeDnsNames?: string
  readonly unitRole?: Readonly<Record<string, CallerRole>>
}

/** The flags of a node about the certificates of others. */
export function certificateRules(): Option[] {
  return [
    new Option(
      '--node-dns-names <pattern>',
      'also accept nodes by a DNS name in their certificate, such as {id}.kv.example',
    ),
    new Option(
      '--unit-role <unit=role>',
      'the role of clients with this organizational unit (OU) in their certificate, such as operators=admin; repeat it for more',
    ).argParser((text: string, others: Readonly<Record<string, CallerRole>> = {}) => ({
      ...others,
      ...parseUnitRole(text),
    })),
  ]
}

function parseUnitRole(text: string): Readonly<Record<string, CallerRole>> {
  const split = text.lastIndexOf('=')
  const role = ROLES.find((each) => each === text.slice(split + 1))
  if (split > 0 && role !== undefined) return { [text.slice(0, split)]: role }
  throw new InvalidArgumentError(`It is not UNIT=ROLE, with one of the roles ${ROLES.join(', ')}.`)
}

/** `whose` ends the descriptions of certificate and key. */
export function tlsOptions(whose: string): Option[] {
  const option = (flag: string, description: string, variable: string): Option =>
    new Option(`${flag} <file>`, description).env(variable)
  return [
    option(
      '--cluster-secret',
      'instead of certificates: the secret that all nodes and clients share',
      'QUORATE_CLUSTER_SECRET_FILE',
    ),
    option('--tls-ca', 'certificates of the authorities that sign the others, in PEM format', 'QUORATE_TLS_CA'),
    option('--tls-cert', `certificate of ${whose}, in PEM format`, 'QUORATE_TLS_CERT'),
    option('--tls-key', `private key of ${whose}, in PEM format`, 'QUORATE_TLS_KEY'),
  ]
}

/** Undefined without these flags. A node needs a certificate and a key. Throws ERR_RAFT_OPTIONS too if a file cannot be read. */
export function nodeTls({ nodeDnsNames, unitRole, ...flags }: NodeTlsFlags): TlsFiles | undefined {
  if (clientTls({ ...flags, clusterSecret: undefined }) === undefined) {
    const [flag] = [nodeDnsNames && '--node-dns-names', unitRole && '--unit-role'].filter(Boolean)
    if (flag === undefined) return undefined
    throw new RaftError(
      'ERR_RAFT_OPTIONS',
      `${flag} needs --tls-ca, --tls-cert and --tls-key: it is about certificates`,
    )
  }
  const { tlsKey: keyFile, tlsCert: certFile, tlsCa: caFile } = flags
  if (keyFile === undefined || certFile === undefined)
    throw new RaftError('ERR_RAFT_OPTIONS', '--tls-ca needs --tls-cert and --tls-key: a node has a certificate')
  return { keyFile, certFile, caFile, nodeDnsNames, rolesOfUnits: unitRole }
}

/** Undefined without these flags. A client may have no certificate, if the nodes do not ask for one. */
export function clientTls({
  tlsCert,
  tlsKey,
  tlsCa,
  clusterSecret,
}: TlsFlags): ClientTlsFiles | SharedSecret | undefined {
  const hasCertificates = tlsCert !== undefined || tlsKey !== undefined || tlsCa !== undefined
  if (clusterSecret !== undefined && hasCertificates)
    throw new RaftError(
      'ERR_RAFT_OPTIONS',
      '--cluster-secret and --tls-ca, --tls-cert and --tls-key exclude each other',
      {
        hint: 'pass what the nodes use; each of them may also come from the environment (QUORATE_CLUSTER_SECRET_FILE, QUORATE_TLS_…)',
      },
    )
  if (clusterSecret !== undefined) return { clusterSecret: readSecret(clusterSecret) }
  if (!hasCertificates) return undefined
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw new RaftError('ERR_RAFT_OPTIONS', '--tls-cert and --tls-key belong together: pass both')
  for (const [flag, path] of [
    ['--tls-cert', tlsCert],
    ['--tls-key', tlsKey],
    ['--tls-ca', tlsCa],
  ] as const)
    if (path !== undefined) readFlagFile(flag, path)
  return { certFile: tlsCert, keyFile: tlsKey, caFile: tlsCa }
}

/** The content of the file, without a line break at its end. */
export function readSecret(path: string): Buffer {
  return Buffer.from(
    readFlagFile('--cluster-secret', path)
      .toString('latin1')
      .replace(/\r?\n$/, ''),
    'latin1',
  )
}

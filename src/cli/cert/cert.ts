/** `quorate cert init | node | client`: an authority, and the certificates of nodes and clients. */
import { X509Certificate } from 'node:crypto'
import { certificateFacts } from '../../access/caller.ts'
import { nodeUri } from '../../access/peer-certificate.ts'
import type { CallerRole } from '../../access/roles.ts'
import { roleUri } from '../../access/roles.ts'
import { checkNodeId } from '../../runtime/options.ts'
import { CommandFailure } from '../command-failure.ts'
import { EXIT } from '../exit-codes.ts'
import type { Terminal } from '../terminal.ts'
import type { CertificateFiles } from './cert-files.ts'
import { AUTHORITY_NAME, filesOf, readAuthority, writePair } from './cert-files.ts'
import type { KeyPair } from './certificates.ts'
import { issueCertificate, makeAuthority } from './certificates.ts'

export interface CertFlags {
  readonly dir: string
  readonly days: number
  readonly output: 'text' | 'json'
}

export interface NodeCertFlags extends CertFlags {
  readonly host?: readonly string[]
}

export interface ClientCertFlags extends CertFlags {
  readonly role: CallerRole
}

type Output = Pick<Terminal, 'out' | 'err'>

const LOCAL_HOSTS = ['localhost', '127.0.0.1', '::1']

export async function certInit(
  { cluster, ...flags }: CertFlags & { readonly cluster: string },
  terminal: Output,
): Promise<void> {
  const { dir } = flags
  const pair = await makeAuthority({
    commonName: `authority of ${cluster}`,
    uri: clusterUri(cluster),
    days: flags.days,
  })
  const files = await writePair(dir, AUTHORITY_NAME, pair)
  print(terminal, flags, {
    pairs: [{ files, what: `the authority of cluster ${cluster}`, pair }],
    next: `quorate cert node n1 n2 n3 --dir ${dir} --host HOST   (--host once for each name and address; by default only this machine)`,
  })
}

export async function certNode(
  ids: readonly string[],
  { host = LOCAL_HOSTS, ...flags }: NodeCertFlags,
  terminal: Output,
): Promise<void> {
  const { dir, days } = flags
  for (const id of ids) assertUsable(`the id ${id}`, checkNodeId(id))
  const { authority, cluster } = await authorityOf(dir)
  const pairs: WrittenPair[] = []
  for (const id of ids) {
    const uris = [nodeUri({ clusterId: cluster, nodeId: id })]
    const pair = await issueCertificate(authority, { commonName: id, hosts: host, uris, days })
    const what = `${id} of cluster ${cluster}, at ${host.join(', ')}`
    pairs.push({ files: await writePair(dir, id, pair), what, pair })
  }
  const [first = ''] = ids
  const { cert, key } = filesOf(dir, first)
  print(terminal, flags, {
    pairs,
    next:
      `quorate serve --id ${first} --tls-ca ${filesOf(dir, AUTHORITY_NAME).cert} --tls-cert ${cert} --tls-key ${key} …\n` +
      `      quorate cert client NAME --role admin --dir ${dir}`,
  })
}

export async function certClient(name: string, { role, ...flags }: ClientCertFlags, terminal: Output): Promise<void> {
  const { dir, days } = flags
  assertUsable(`the name ${name}`, checkNodeId(name))
  const { authority, cluster } = await authorityOf(dir)
  const pair = await issueCertificate(authority, { commonName: name, hosts: [], uris: [roleUri(cluster, role)], days })
  const files = await writePair(dir, name, pair)
  print(terminal, flags, {
    pairs: [{ files, what: `a client of cluster ${cluster} with the role ${role}`, pair }],
    next: `quorate status --tls-ca ${filesOf(dir, AUTHORITY_NAME).cert} --tls-cert ${files.cert} --tls-key ${files.key}`,
  })
}

interface WrittenPair {
  readonly files: CertificateFiles
  readonly what: string
  readonly pair: KeyPair
}

function print(
  terminal: Output,
  { output }: CertFlags,
  { pairs, next }: { readonly pairs: readonly WrittenPair[]; readonly next: string },
): void {
  const described = pairs.map(({ files, what, pair }) => {
    const validTo = new Date(new X509Certificate(pair.cert).validTo).toISOString().slice(0, 10)
    return { ...files, what, validTo }
  })
  if (output === 'json') return terminal.out(`${JSON.stringify({ schema: 'quorate.cert/v1', files: described })}\n`)
  for (const { cert, key, what, validTo } of described) terminal.out(`${cert}, ${key}: ${what}; valid to ${validTo}\n`)
  terminal.err(`next: ${next}\n`)
}

/** The authority remembers its cluster in its certificate. */
async function authorityOf(dir: string): Promise<{ readonly authority: KeyPair; readonly cluster: string }> {
  const authority = await readAuthority(dir)
  const uri = certificateFacts(new X509Certificate(authority.cert)).uris[0] ?? ''
  const [, cluster] = /^raft:\/\/([^/]+)$/.exec(uri) ?? []
  if (cluster !== undefined) return { authority, cluster: decodeURIComponent(cluster) }
  throw new CommandFailure(`the authority in ${dir} was not made by quorate cert init`, {
    exitCode: EXIT.usage,
    hint: 'sign certificates with the tool that made it: nodes need the URI raft://CLUSTER/ID, clients raft://CLUSTER/roles/ROLE',
  })
}

function clusterUri(cluster: string): string {
  return `raft://${encodeURIComponent(cluster)}`
}

function assertUsable(what: string, problem: string | undefined): void {
  if (problem !== undefined) throw new CommandFailure(`${what} ${problem}`, { exitCode: EXIT.usage })
}

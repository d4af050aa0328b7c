/** The keys and certificates of a node and of a client, and their checks. */

import { X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { certificateFacts, describeCertificate } from '../access/caller.ts'
import type { NamedNode } from '../access/peer-certificate.ts'
import { expectedNames, isCertificateOf, parseNodeUri } from '../access/peer-certificate.ts'
import type { CallerRole } from '../access/roles.ts'
import { ROLES } from '../access/roles.ts'
import type { PortProtection } from '../contracts/transport.ts'
import type { NodeId } from '../core/types.ts'
import { RaftError } from '../errors.ts'
import type { OptionCheck } from '../platform/options.ts'
import { checkBoolean, checkParts, formatValue } from '../platform/options.ts'
import type { SharedSecret } from './secret-tls.ts'
import { checkSharedSecret, hasSecret } from './secret-tls.ts'
import { keyProblemInWords } from './tls-failure.ts'

type Pem = string | Buffer

/** Keys and certificates in PEM format. */
export interface TlsOptions extends TlsRules {
  /** The private key of this node. */
  readonly key: Pem
  /** The certificate of this node. It must name the address at which others reach this node. */
  readonly cert: Pem
  /** The authorities that sign the certificates of peers and clients. By default those of the system, and clients need no certificate. */
  readonly ca?: Pem | undefined
}

/** Whose certificates are accepted, and for what. */
export interface TlsRules {
  /** Whether clients must have a certificate signed by `ca`, as peers must in any case. Default true if `ca` is given. */
  readonly verifyClients?: boolean | undefined
  /**
   * The DNS names of nodes, such as `{id}.kv.example`, where `{id}` stands for the id of a node: a certificate with that name is one of the node too.
   * By default only one with the URI `raft://CLUSTER/ID` is.
   */
  readonly nodeDnsNames?: string | undefined
  /** The roles of clients by an organizational unit (OU) in their certificate, such as `{ operators: 'admin' }`, besides the URI `raft://CLUSTER/roles/ROLE`. */
  readonly rolesOfUnits?: Readonly<Record<string, CallerRole>> | undefined
}

/** What a client needs for TLS, in PEM format. */
export interface ClientTlsOptions {
  /** The authorities that sign the certificates of the nodes. By default those of the system. */
  readonly ca?: Pem | undefined
  /** The certificate of the client, and its private key: if the nodes ask for one. */
  readonly cert?: Pem | undefined
  readonly key?: Pem | undefined
}

/** createSecureContext checks the contents, all of them together. */
const PEM_CHECKS: Readonly<Record<string, OptionCheck>> = {
  key: () => undefined,
  cert: () => undefined,
  ca: () => undefined,
}

/** Why the value cannot be used as ClientTlsOptions. */
export function checkClientTls(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return `must be an object, not ${formatValue(value)}`
  if (hasSecret(value)) return checkSharedSecret(value)
  const invalid = checkParts(value, PEM_CHECKS)
  if (invalid !== undefined) return invalid
  const { key, cert, ca } = value as ClientTlsOptions
  if ((key === undefined) !== (cert === undefined)) return 'must have both `key` and `cert`, or neither'
  try {
    createSecureContext({ key, cert, ca })
  } catch (error) {
    return `has a key or certificate that cannot be used: ${keyProblemInWords(error)}`
  }
  return undefined
}

const TOKEN_CHARS_MIN = 16

/** Why the value cannot be used as tokens with their roles. The message contains no token. */
export function checkTokens(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null)
    return `must be an object of roles by token, not ${formatValue(value)}`
  for (const [token, role] of Object.entries(value)) {
    if (!ROLES.includes(role)) return `has the role ${formatValue(role)}, not one of ${ROLES.join(', ')}`
    if (token.length < TOKEN_CHARS_MIN || !/^[\x21-\x7e]+$/.test(token))
      return `has a token that is not ${TOKEN_CHARS_MIN} or more printable ASCII characters without spaces`
  }
  return undefined
}

/** The checks of TlsRules. */
export const RULE_CHECKS: Readonly<Record<string, OptionCheck>> = {
  verifyClients: checkBoolean,
  nodeDnsNames: (value) =>
    typeof value === 'string' && value.includes('{id}')
      ? undefined
      : `must have {id} in it, not be ${formatValue(value)}`,
  rolesOfUnits: (value) => {
    if (typeof value !== 'object' || value === null)
      return `must be an object of roles by unit, not ${formatValue(value)}`
    const unknown = Object.values(value).find((role) => !ROLES.includes(role))
    return unknown && `has the role ${formatValue(unknown)}, not one of ${ROLES.join(', ')}`
  },
}

/** Why the value cannot be used as TlsOptions. */
export function checkTls(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return `must have \`key\` and \`cert\`, not be ${formatValue(value)}`
  if (hasSecret(value)) return checkSharedSecret(value)
  const invalid = checkParts(value, { ...PEM_CHECKS, ...RULE_CHECKS })
  if (invalid !== undefined) return invalid
  const { key, cert, ca, verifyClients } = value as Partial<TlsOptions>
  if (key === undefined || cert === undefined) return 'must have `key` and `cert`'
  if (verifyClients === true && ca === undefined) return 'must have `ca` to verify clients'
  try {
    createSecureContext({ key, cert, ca })
  } catch (error) {
    return `has a key or certificate that cannot be used: ${keyProblemInWords(error)}`
  }
  return undefined
}

/** Why others that trust the authorities in `ca` would refuse the certificate, or undefined. Without `ca`, only its time is known. */
export function distrustOf({ cert, ca }: Pick<TlsOptions, 'cert' | 'ca'>): string | undefined {
  const [own, ...others] = certificatesIn(cert)
  if (own === undefined) return 'there is none'
  const now = Date.now()
  if (now > Date.parse(own.validTo)) return `it expired at ${new Date(own.validTo).toISOString()}`
  if (now < Date.parse(own.validFrom)) return `it is valid from ${new Date(own.validFrom).toISOString()} on`
  if (ca === undefined || isSignedBy(own, certificatesIn(ca), others)) return undefined
  return 'none of the authorities in `ca` has signed it'
}

/** Directly, or through others that come with it. */
function isSignedBy(
  certificate: X509Certificate,
  authorities: readonly X509Certificate[],
  others: readonly X509Certificate[],
): boolean {
  const hasSigned = (issuer: X509Certificate): boolean =>
    certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
  if (authorities.some(hasSigned)) return true
  const between = others.find(hasSigned)
  return (
    between !== undefined &&
    isSignedBy(
      between,
      authorities,
      others.filter((each) => each !== between),
    )
  )
}

function certificatesIn(pem: Pem): X509Certificate[] {
  const all = String(pem).match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  return all.map((each) => new X509Certificate(each))
}

/** Whether clients need a certificate. */
export function verifiesClients(tls: TlsOptions | SharedSecret | undefined): boolean {
  return tls !== undefined && !hasSecret(tls) && (tls.verifyClients ?? tls.ca !== undefined)
}

/** Throws ERR_RAFT_OPTIONS if the certificate of a node is not for this node: every peer would refuse it. */
export function assertOwnCertificate({ cert, nodeDnsNames }: TlsOptions, node: NamedNode): void {
  const facts = certificateFacts(new X509Certificate(cert))
  if (isCertificateOf(facts, node, nodeDnsNames)) return
  throw new RaftError(
    'ERR_RAFT_OPTIONS',
    `the certificate of this node does not name ${node.nodeId} of cluster ${node.clusterId}: expected ${expectedNames(node, nodeDnsNames)}, seen ${describeCertificate(facts)}`,
    { hint: `make one with the authority of ${node.clusterId}: quorate cert node ${node.nodeId}` },
  )
}

/** The cluster of the node, if its certificate names one. */
export function clusterInCertificate(cert: Pem, nodeId: NodeId): string | undefined {
  const named = certificateFacts(new X509Certificate(cert)).uris.flatMap((uri) => parseNodeUri(uri) ?? [])
  const clusters = named.filter((each) => each.nodeId === nodeId).map(({ clusterId }) => clusterId)
  return clusters.length === 1 ? clusters[0] : undefined
}

/** What keeps strangers out of a port with these options. */
export function protectionOf({
  tls,
  credentials,
}: {
  readonly tls?: TlsOptions | SharedSecret | undefined
  readonly credentials?: object | undefined
}): PortProtection {
  if (hasSecret(tls)) return 'secret'
  return tls === undefined && credentials === undefined ? 'none' : 'tls'
}

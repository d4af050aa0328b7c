/** Binds the identity in a greeting to the certificate of the connection: both ends check the other's. */
import type { Refusal } from '../contracts/transport.ts'
import type { NodeId } from '../core/types.ts'
import type { Caller, CertificateFacts } from './caller.ts'
import { describeCaller } from './caller.ts'

export interface NamedNode {
  readonly clusterId: string
  readonly nodeId: NodeId
}

/** The URI in the certificate of a node. */
export function nodeUri({ clusterId, nodeId }: NamedNode): string {
  return `raft://${encodeURIComponent(clusterId)}/${encodeURIComponent(nodeId)}`
}

/** Undefined if it is not the URI of a node. */
export function parseNodeUri(uri: string): NamedNode | undefined {
  const [, cluster, node] = /^raft:\/\/([^/]+)\/([^/]+)$/.exec(uri) ?? []
  if (cluster === undefined || node === undefined) return undefined
  return { clusterId: decoded(cluster), nodeId: decoded(node) }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The name in the certificate of a node, if nodes have DNS names instead of URIs: `{id}` in the pattern stands for the id. */
export function nodeDnsName(pattern: string, nodeId: NodeId): string {
  return pattern.replaceAll('{id}', nodeId).toLowerCase()
}

/**
 * Why the caller of a connection that must have TLS is not the node that it claims to be, or undefined. `dnsNames` is a pattern such as `{id}.kv.example`: then a DNS name that
 * fits counts too.
 */
export function peerRefusal(caller: Caller, claimed: NamedNode, dnsNames: string | undefined): Refusal | undefined {
  const seen = describeCaller(caller)
  const refuse = (reason: string): Refusal => ({ code: 'ERR_RAFT_UNAUTHENTICATED', message: reason })
  if (caller.kind === 'plain text')
    return refuse(
      'this port takes only connections with TLS or the cluster secret: start the node that connects with it too',
    )
  const expected = `a certificate with ${expectedNames(claimed, dnsNames)}`
  if (caller.kind === 'certificate' && caller.problem !== undefined)
    return refuse(`${seen} is not trusted: ${caller.problem}; expected ${expected} of an authority in \`ca\``)
  if (caller.kind === 'certificate' && isCertificateOf(caller.facts, claimed, dnsNames)) return undefined
  return refuse(`the peer is not proven to be ${claimed.nodeId}: expected ${expected}, seen ${seen}`)
}

export function isCertificateOf(facts: CertificateFacts, claimed: NamedNode, dnsNames: string | undefined): boolean {
  if (facts.uris.includes(nodeUri(claimed))) return true
  if (dnsNames === undefined) return false
  const expected = nodeDnsName(dnsNames, claimed.nodeId)
  return facts.dnsNames.some((name) => name.toLowerCase() === expected)
}

export function expectedNames(claimed: NamedNode, dnsNames: string | undefined): string {
  return `${nodeUri(claimed)}${dnsNames === undefined ? '' : ` or the DNS name ${nodeDnsName(dnsNames, claimed.nodeId)}`}`
}

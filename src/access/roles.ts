/** The roles of callers, and the certificates that give them. */
import type { CertificateFacts } from './caller.ts'
import { nodeUri, parseNodeUri } from './peer-certificate.ts'

/** Weakest first. An admin may do what a client may, and a client what an observer may. */
export const ROLES = ['observer', 'client', 'admin'] as const

/** What a caller may do: ask for the status; read and write as well; or change the cluster as well. */
export type CallerRole = (typeof ROLES)[number]

export interface RoleSources {
  readonly clusterId: string
  /** The roles of organizational units. */
  readonly rolesOfUnits: Readonly<Record<string, CallerRole>>
  readonly nodeDnsNames: string | undefined
}

/** The URI in the certificate of a caller with this role. */
export function roleUri(clusterId: string, role: CallerRole): string {
  return `raft://${encodeURIComponent(clusterId)}/roles/${role}`
}

/** Whether a caller with the role may make a call that needs the other one. */
export function includes(role: CallerRole | undefined, needed: CallerRole): boolean {
  return role !== undefined && ROLES.indexOf(role) >= ROLES.indexOf(needed)
}

export function strongest(roles: readonly (CallerRole | undefined)[]): CallerRole | undefined {
  return ROLES.findLast((role) => roles.includes(role))
}

/** The strongest role that a certificate gives in this cluster. A node is an observer: before it joins, it asks for the members. */
export function roleInCertificate(facts: CertificateFacts, sources: RoleSources): CallerRole | undefined {
  const { clusterId, rolesOfUnits } = sources
  const named = ROLES.filter((role) => facts.uris.includes(roleUri(clusterId, role)))
  const ofUnits = facts.organizationalUnits.map((unit) =>
    Object.hasOwn(rolesOfUnits, unit) ? rolesOfUnits[unit] : undefined,
  )
  return strongest([...named, ...ofUnits, isNode(facts, sources) ? 'observer' : undefined])
}

function isNode({ uris, dnsNames }: CertificateFacts, { clusterId, nodeDnsNames }: RoleSources): boolean {
  const isNamed = uris.some((uri) => {
    const node = parseNodeUri(uri)
    return node !== undefined && nodeUri({ clusterId, nodeId: node.nodeId }) === uri
  })
  if (isNamed || nodeDnsNames === undefined) return isNamed
  const [before = '', after = ''] = nodeDnsNames.toLowerCase().split('{id}')
  return dnsNames.some(
    (name) =>
      name.length > before.length + after.length &&
      name.toLowerCase().startsWith(before) &&
      name.toLowerCase().endsWith(after),
  )
}

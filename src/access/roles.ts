/** The roles of callers, and the certificates that give them. */

/** Weakest first. An admin may do what a client may, and a client what an observer may. */
export const ROLES = ['observer', 'client', 'admin'] as const

export type CallerRole = (typeof ROLES)[number]

/** The URI in the certificate of a caller with this role. */
export function roleUri(clusterId: string, role: CallerRole): string {
  return `raft://${encodeURIComponent(clusterId)}/roles/${role}`
}

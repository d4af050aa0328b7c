/** Decides which calls of the services of a node a caller may make. */
import { createHash } from 'node:crypto'
import { RaftError } from '../errors.ts'
import type { Caller } from './caller.ts'
import { describeCaller } from './caller.ts'
import type { CallerRole, RoleSources } from './roles.ts'
import { includes, roleInCertificate, strongest } from './roles.ts'
import { roleOfRpc } from './rpc-roles.ts'

export interface AccessOptions {
  /** Whether clients need a certificate, or a token. */
  readonly verifyClients: boolean
  readonly rolesOfUnits?: Readonly<Record<string, CallerRole>> | undefined
  readonly nodeDnsNames?: string | undefined
  /** The roles of bearer tokens. */
  readonly tokens?: Readonly<Record<string, CallerRole>> | undefined
}

const BEARER = /^Bearer +(.+)$/i

export class CallAccess {
  readonly #options: AccessOptions
  /** By hash, so that no comparison depends on the token. */
  readonly #roleOfToken: ReadonlyMap<string, CallerRole>
  #clusterId: string | undefined

  constructor(options: AccessOptions) {
    this.#options = options
    this.#roleOfToken = new Map(Object.entries(options.tokens ?? {}).map(([token, role]) => [hashOf(token), role]))
  }

  /** Before this is set, no certificate has a role. */
  set clusterId(clusterId: string) {
    this.#clusterId = clusterId
  }

  /** Why the call is refused, or undefined. `authorization` is that header of the call. Peers are checked by their greeting. */
  refusal(path: string, caller: Caller, authorization: string | undefined): RaftError | undefined {
    const needed = roleOfRpc(path)
    if (needed === undefined) return unauthorized(`no caller may call ${path}`)
    if (needed === 'peer' || caller.kind === 'unidentified') return undefined
    if (caller.kind === 'plain text')
      return unauthenticated(
        'this port takes only connections with TLS or the cluster secret, seen plain text',
        'connect with TLS (--tls-ca, `tls` of connect) or the secret (--cluster-secret, `clusterSecret`)',
      )
    if (caller.kind === 'certificate' && caller.problem !== undefined)
      return unauthenticated(
        `expected a certificate of an authority that this node trusts, seen ${describeCaller(caller)}: ${caller.problem}`,
        'use a certificate that the authority of this cluster has signed',
      )
    if (needed === 'anyone') return undefined
    const token = authorization === undefined ? undefined : this.#roleOf(authorization)
    if (authorization !== undefined && token === undefined)
      return unauthenticated(
        'expected a bearer token that this node knows, seen another one',
        'pass a token of `tokens`',
      )
    if (caller.kind === 'anonymous' && token === undefined && this.#needsProof)
      return unauthenticated(
        `expected ${this.#options.verifyClients ? 'a certificate of an authority that this node trusts' : 'a bearer token'}, seen TLS without a certificate`,
        'pass a certificate of a client (--tls-cert and --tls-key, or `tls` of connect) or a token (--token, `token`)',
      )
    return this.#roleRefusal(path, needed, strongest([token, this.#roleOfCaller(caller)]), caller)
  }

  get #needsProof(): boolean {
    return this.#options.verifyClients || this.#roleOfToken.size > 0
  }

  #roleOf(authorization: string): CallerRole | undefined {
    const token = BEARER.exec(authorization)?.[1]
    return token === undefined ? undefined : this.#roleOfToken.get(hashOf(token))
  }

  #roleOfCaller(caller: Caller): CallerRole | undefined {
    if (caller.kind === 'anonymous') return this.#needsProof ? undefined : 'client'
    return caller.kind === 'certificate' && this.#clusterId !== undefined
      ? roleInCertificate(caller.facts, this.#sources(this.#clusterId))
      : undefined
  }

  #sources(clusterId: string): RoleSources {
    const { rolesOfUnits = {}, nodeDnsNames } = this.#options
    return { clusterId, rolesOfUnits, nodeDnsNames }
  }

  #roleRefusal(path: string, needed: CallerRole, role: CallerRole | undefined, caller: Caller): RaftError | undefined {
    if (includes(role, needed)) return undefined
    const name = path.slice(path.lastIndexOf('/') + 1)
    const seen = role === undefined ? 'no role' : `the role ${role}`
    return unauthorized(`${name} needs the role ${needed}, seen ${seen} of ${describeCaller(caller)}`, needed)
  }
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

function unauthenticated(message: string, hint: string): RaftError {
  return new RaftError('ERR_RAFT_UNAUTHENTICATED', message, { hint })
}

function unauthorized(message: string, role?: CallerRole): RaftError {
  const hint = role && `use a certificate or token with that role: quorate cert client NAME --role ${role}`
  return new RaftError('ERR_RAFT_UNAUTHORIZED', message, { hint, details: { role } })
}

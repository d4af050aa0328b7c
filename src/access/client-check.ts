/** Decides which callers may call the services of a node. */
import { RaftError } from '../errors.ts'
import type { Caller } from './caller.ts'
import { describeCaller } from './caller.ts'

/** Why the calls of a client are refused, or undefined. `isCertificateNeeded`: without a certificate they are refused too. */
export function clientRefusal(caller: Caller, isCertificateNeeded: boolean): RaftError | undefined {
  const refuse = (message: string, hint: string): RaftError =>
    new RaftError('ERR_RAFT_UNAUTHENTICATED', message, { hint })
  if (caller.kind === 'plain text')
    return refuse(
      'this port takes only connections with TLS, seen plain text',
      'connect with TLS: --tls-ca, or `tls` of connect',
    )
  if (caller.kind === 'anonymous' && isCertificateNeeded)
    return refuse(
      'expected a certificate of an authority that this node trusts, seen TLS without a certificate',
      'pass a certificate of a client: --tls-cert and --tls-key, or `tls` of connect',
    )
  if (caller.kind === 'certificate' && caller.problem !== undefined)
    return refuse(
      `expected a certificate of an authority that this node trusts, seen ${describeCaller(caller)}: ${caller.problem}`,
      'use a certificate that the authority of this cluster has signed',
    )
  return undefined
}

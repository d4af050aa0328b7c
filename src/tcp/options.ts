/** The options of TcpTransport. */
import type { PeerLinkLimits } from '../peer-link/limits.ts'
import { PEER_LINK_DEFAULTS } from '../peer-link/limits.ts'
import type { SharedSecret } from '../peer-link/secret-tls.ts'
import type { TlsOptions } from '../peer-link/tls-options.ts'
import { checkTls } from '../peer-link/tls-options.ts'
import type { OptionCheck } from '../platform/options.ts'
import { checkInteger, checkString, findOptionProblems, throwOnProblems } from '../platform/options.ts'

export interface TcpTransportOptions extends Partial<PeerLinkLimits> {
  /** The address to listen on: 'host:port' or '[v6]:port'; port 0 picks a free port. */
  readonly listen: string
  /** The address at which peers reach this node, if it differs from `listen`. Required with '0.0.0.0' and '[::]'. */
  readonly advertise?: string | undefined
  /** TLS keys and certificates, for both directions. Without them traffic is plain text: keep the port inside a trusted network. */
  readonly tls?: TlsOptions | SharedSecret | undefined
}

const CHECKS: Readonly<Record<string, OptionCheck>> = {
  ...Object.fromEntries(Object.keys(PEER_LINK_DEFAULTS).map((name) => [name, checkInteger(0)])),
  listen: checkString,
  advertise: checkString,
  tls: checkTls,
}

/** Throws ERR_RAFT_OPTIONS that names every problem. */
export function checkTcpOptions(options: TcpTransportOptions): void {
  const problems = findOptionProblems(options, CHECKS)
  if (options.listen === undefined) problems.push({ path: 'listen', problem: 'is missing' })
  throwOnProblems(problems)
}

/** The flags for TLS, of nodes and of clients, and the files that they name. */
import { readFileSync } from 'node:fs'
import { Option } from 'commander'
import { RaftError } from '../errors.ts'
import type { ClientTlsOptions, TlsOptions } from '../peer-link/tls-options.ts'
import { errorMessage } from '../platform/error-message.ts'

export interface TlsFlags {
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly tlsCa?: string
}

/** `whose` ends the descriptions of certificate and key. */
export function tlsOptions(whose: string): Option[] {
  const option = (flag: string, description: string, variable: string): Option =>
    new Option(`${flag} <file>`, description).env(variable)
  return [
    option('--tls-ca', 'certificates of the authorities that sign the others, in PEM format', 'QUORATE_TLS_CA'),
    option('--tls-cert', `certificate of ${whose}, in PEM format`, 'QUORATE_TLS_CERT'),
    option('--tls-key', `private key of ${whose}, in PEM format`, 'QUORATE_TLS_KEY'),
  ]
}

/** Undefined without these flags. A node needs a certificate and a key. */
export function nodeTls(flags: TlsFlags): TlsOptions | undefined {
  const tls = clientTls(flags)
  if (tls === undefined) return undefined
  const { key, cert, ca } = tls
  if (key === undefined || cert === undefined)
    throw new RaftError('ERR_RAFT_OPTIONS', '--tls-ca needs --tls-cert and --tls-key: a node has a certificate')
  return { key, cert, ca }
}

/** Undefined without these flags. A client may have no certificate, if the nodes do not ask for one. */
export function clientTls({ tlsCert, tlsKey, tlsCa }: TlsFlags): ClientTlsOptions | undefined {
  if (tlsCert === undefined && tlsKey === undefined && tlsCa === undefined) return undefined
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw new RaftError('ERR_RAFT_OPTIONS', '--tls-cert and --tls-key belong together: pass both')
  const read = (flag: string, path: string | undefined): Buffer | undefined => {
    if (path === undefined) return undefined
    try {
      return readFileSync(path)
    } catch (cause) {
      throw new RaftError('ERR_RAFT_OPTIONS', `${flag} cannot be read: ${errorMessage(cause)}`, { cause })
    }
  }
  return { cert: read('--tls-cert', tlsCert), key: read('--tls-key', tlsKey), ca: read('--tls-ca', tlsCa) }
}

/** Keys and certificates in files, which may be renewed while the node runs. */
import { readFileSync } from 'node:fs'
import { RaftError } from '../errors.ts'
import { errorMessage } from '../platform/error-message.ts'
import type { OptionCheck } from '../platform/options.ts'
import { checkParts, checkString, withoutUndefined } from '../platform/options.ts'
import { hasSecret } from './secret-tls.ts'
import type { TlsOptions, TlsRules } from './tls-options.ts'
import { checkTls, distrustOf, RULE_CHECKS } from './tls-options.ts'

/** The files with the keys and certificates of a node, in PEM format. They are read again when they change. */
export interface TlsFiles extends TlsRules {
  /** The private key of this node. */
  readonly keyFile: string
  /** The certificate of this node. It must name the address at which others reach this node. */
  readonly certFile: string
  /** The authorities that sign the certificates of peers and clients. By default those of the system, and clients need no certificate. */
  readonly caFile?: string | undefined
}

type Pems = Pick<TlsOptions, 'key' | 'cert' | 'ca'>

export class CertificateFiles implements TlsOptions {
  readonly verifyClients: TlsRules['verifyClients']
  readonly nodeDnsNames: TlsRules['nodeDnsNames']
  readonly rolesOfUnits: TlsRules['rolesOfUnits']
  readonly #files: TlsFiles
  readonly #listeners: (() => void)[] = []
  #pems: Pems

  /** Throws ERR_RAFT_OPTIONS if a file cannot be read. */
  constructor(files: TlsFiles) {
    this.verifyClients = files.verifyClients
    this.nodeDnsNames = files.nodeDnsNames
    this.rolesOfUnits = files.rolesOfUnits
    this.#files = files
    this.#pems = readPems(files)
  }

  get key(): TlsOptions['key'] {
    return this.#pems.key
  }

  get cert(): TlsOptions['cert'] {
    return this.#pems.cert
  }

  get ca(): TlsOptions['ca'] {
    return this.#pems.ca
  }

  /** Calls `listener` each time after renewed files have been taken. */
  onRenewed(listener: () => void): void {
    this.#listeners.push(listener)
  }

  /** Takes the files as they are now, if they have changed and can be used. Throws why not: then those before stay in use. */
  renew(check: (next: TlsOptions) => void): void {
    const next = new CertificateFiles(this.#files)
    if (JSON.stringify(next.#pems) === JSON.stringify(this.#pems)) return
    const problem = checkTls(next)
    if (problem !== undefined) throw new RaftError('ERR_RAFT_OPTIONS', `it ${problem}`)
    check(next)
    const distrust = distrustOf(next)
    if (distrust !== undefined && distrustOf({ ...this.#pems, ca: next.ca }) === undefined)
      throw new RaftError('ERR_RAFT_OPTIONS', `others would refuse it: ${distrust}`)
    this.#pems = next.#pems
    for (const listener of this.#listeners) listener()
  }
}

const notBesideFiles: OptionCheck = () =>
  'and files exclude each other: pass `keyFile`, `certFile` and `caFile`, or the contents of all'

/** The checks of the files, beside which no contents are used. */
export const FILE_CHECKS: Readonly<Record<string, OptionCheck>> = {
  keyFile: checkString,
  certFile: checkString,
  caFile: checkString,
  key: notBesideFiles,
  cert: notBesideFiles,
  ca: notBesideFiles,
}

/** Why the value cannot be used as TlsOptions or TlsFiles. */
export function checkTlsOrFiles(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return checkTls(value)
  if (hasSecret(value)) return 'has `clusterSecret`, which is an option beside `tls`, and excludes it'
  if (!hasFiles(value)) return checkTls(withoutUndefined(value))
  const invalid = checkParts(value, { ...FILE_CHECKS, ...RULE_CHECKS })
  if (invalid !== undefined) return invalid
  if (value.keyFile === undefined || value.certFile === undefined) return 'must have `keyFile` and `certFile`'
  try {
    return checkTls(new CertificateFiles(value))
  } catch (error) {
    return errorMessage(error)
  }
}

export function hasFiles(tls: unknown): tls is TlsFiles {
  if (typeof tls !== 'object' || tls === null) return false
  const { keyFile, certFile, caFile } = tls as Partial<TlsFiles>
  return keyFile !== undefined || certFile !== undefined || caFile !== undefined
}

function readPems({ keyFile, certFile, caFile }: TlsFiles): Pems {
  return { key: readPem('keyFile', keyFile), cert: readPem('certFile', certFile), ca: readPem('caFile', caFile) }
}

/** Throws ERR_RAFT_OPTIONS, with the name of the option, if the file cannot be read. */
export function readPem<Path extends string | undefined>(name: string, path: Path): Path {
  if (path === undefined) return path
  try {
    return readFileSync(path, 'latin1') as Path
  } catch (cause) {
    throw new RaftError('ERR_RAFT_OPTIONS', `${name} cannot be read: ${errorMessage(cause)}`, { cause })
  }
}

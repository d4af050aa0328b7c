/** Keys and certificates of a client in files, which may be renewed while it runs. */
import { isRaftError } from '../errors.ts'
import { errorMessage } from '../platform/error-message.ts'
import { checkParts, withoutUndefined } from '../platform/options.ts'
import { FILE_CHECKS, hasFiles, readPem } from './certificate-files.ts'
import type { SharedSecret } from './secret-tls.ts'
import type { ClientTlsOptions } from './tls-options.ts'
import { checkClientTls } from './tls-options.ts'

/** The files with what a client needs for TLS, in PEM format. They are read again for each connection. */
export interface ClientTlsFiles {
  /** The authorities that sign the certificates of the nodes. By default those of the system. */
  readonly caFile?: string | undefined
  /** The certificate of the client, and its private key: if the nodes ask for one. */
  readonly certFile?: string | undefined
  readonly keyFile?: string | undefined
}

export class ClientCertificateFiles implements ClientTlsOptions {
  readonly #files: ClientTlsFiles
  #pems: ClientTlsOptions
  /** What was read last cannot be used. */
  #isStale = false

  /** Throws ERR_RAFT_OPTIONS if a file cannot be read. */
  constructor(files: ClientTlsFiles) {
    this.#files = files
    this.#pems = readPems(files)
  }

  get ca(): ClientTlsOptions['ca'] {
    return this.#pems.ca
  }

  get cert(): ClientTlsOptions['cert'] {
    return this.#pems.cert
  }

  get key(): ClientTlsOptions['key'] {
    return this.#pems.key
  }

  /**
   * Takes the files as they are now. Those that cannot be used, because they are being renewed for example, leave the ones before in use, with a warning
   * of the process: one until they can be used again.
   */
  renew(): void {
    const problem = this.#take()
    if (problem !== undefined && !this.#isStale)
      process.emitWarning(
        `renewed certificate files cannot be used, and those from before stay in use: tls ${problem}`,
        {
          code: 'QUORATE_CERTIFICATE_NOT_RENEWED',
        },
      )
    this.#isStale = problem !== undefined
  }

  /** Returns why the files cannot be used. */
  #take(): string | undefined {
    try {
      const next = readPems(this.#files)
      const problem = checkClientTls(next)
      if (problem === undefined) this.#pems = next
      return problem
    } catch (error) {
      if (isRaftError(error, 'ERR_RAFT_OPTIONS')) return error.message
      throw error
    }
  }
}

/** Reads the files, if those are given. Throws ERR_RAFT_OPTIONS if one cannot be read. */
export function readClientTls(tls: ClientTlsOptions | ClientTlsFiles | SharedSecret): ClientTlsOptions | SharedSecret {
  return hasFiles(tls) ? new ClientCertificateFiles(tls) : (tls as ClientTlsOptions | SharedSecret)
}

/** Why the value cannot be used as ClientTlsOptions or ClientTlsFiles. */
export function checkClientTlsOrFiles(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return checkClientTls(value)
  if (!hasFiles(value)) return checkClientTls(withoutUndefined(value))
  const invalid = checkParts(value, FILE_CHECKS)
  if (invalid !== undefined) return invalid
  const { certFile, keyFile } = value as ClientTlsFiles
  if ((keyFile === undefined) !== (certFile === undefined)) return 'must have both `keyFile` and `certFile`, or neither'
  try {
    return checkClientTls(new ClientCertificateFiles(value))
  } catch (error) {
    return errorMessage(error)
  }
}

function readPems({ caFile, certFile, keyFile }: ClientTlsFiles): ClientTlsOptions {
  return { ca: readPem('caFile', caFile), cert: readPem('certFile', certFile), key: readPem('keyFile', keyFile) }
}

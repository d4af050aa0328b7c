/** Checks the certificate of a node at intervals: takes renewed files, and reports a broken renewal and the expiry. */
import { X509Certificate } from 'node:crypto'
import type { TransportHost } from '../contracts/transport.ts'
import { errorMessage } from '../platform/error-message.ts'
import { CertificateFiles } from './certificate-files.ts'
import type { PeerLinkLimits } from './limits.ts'
import type { TlsOptions } from './tls-options.ts'

export interface CertificateWatchParts {
  readonly tls: TlsOptions
  /** Throws why a renewed certificate is not one of this node. */
  readonly check: (next: TlsOptions) => void
  readonly tell: TransportHost['condition']
  readonly limits: Pick<PeerLinkLimits, 'certificateCheckMs' | 'certificateWarningMs'>
}

const DAY_MS = 24 * 60 * 60 * 1000

export class CertificateWatch {
  readonly #parts: CertificateWatchParts
  readonly #timer: NodeJS.Timeout
  /** Why the files could not be used at the last check. Only what lasts for two checks is a problem: files are renewed one after the other. */
  #problem: string | undefined
  #isBroken = false
  #reportedDays: number | undefined
  #expiresAt: number

  constructor(parts: CertificateWatchParts) {
    this.#parts = parts
    this.#expiresAt = expiryOf(parts.tls)
    this.#timer = setInterval(() => this.#checkNow(), parts.limits.certificateCheckMs).unref()
    this.#reportExpiry()
  }

  /** When the certificate in use expires, in milliseconds since 1970. */
  get expiresAt(): number {
    return this.#expiresAt
  }

  /** The node is closing. */
  close(): void {
    clearInterval(this.#timer)
  }

  #checkNow(): void {
    const { tls, check } = this.#parts
    if (tls instanceof CertificateFiles) {
      const problem = problemOf(() => tls.renew(check))
      if (problem !== undefined && problem === this.#problem) this.#reportProblem(problem)
      else if (problem === undefined && this.#isBroken) this.#reportProblem(undefined)
      this.#problem = problem
      this.#expiresAt = expiryOf(tls)
    }
    this.#reportExpiry()
  }

  #reportProblem(problem: string | undefined): void {
    this.#isBroken = problem !== undefined
    const facts = problem !== undefined && {
      message: `the files of the certificate have changed and cannot be used; the node keeps the certificate from before, which expires at ${inWords(this.#expiresAt)}: ${problem}`,
      details: { problem },
    }
    this.#parts.tell('CERTIFICATE_NOT_RENEWED', facts || undefined)
  }

  #reportExpiry(): void {
    const leftMs = this.#expiresAt - Date.now()
    const days = leftMs < this.#parts.limits.certificateWarningMs ? Math.floor(leftMs / DAY_MS) : undefined
    if (days === this.#reportedDays) return
    this.#reportedDays = days
    const when = `at ${inWords(this.#expiresAt)}`
    const facts = days !== undefined && {
      message:
        leftMs < 0
          ? `the certificate of this node has expired ${when}: peers and clients refuse it`
          : `the certificate of this node expires ${when}, in ${days} days: then peers and clients refuse it`,
      details: { days, expires: inWords(this.#expiresAt) },
    }
    this.#parts.tell('CERTIFICATE_EXPIRES', facts || undefined)
  }
}

function expiryOf({ cert }: TlsOptions): number {
  return Date.parse(new X509Certificate(cert).validTo)
}

function inWords(time: number): string {
  return new Date(time).toISOString()
}

function problemOf(act: () => void): string | undefined {
  try {
    act()
    return undefined
  } catch (error) {
    return errorMessage(error)
  }
}

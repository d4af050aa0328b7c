/** Who is at the other end of a connection, as far as the connection itself shows. */
import type { X509Certificate } from 'node:crypto'

/** What a certificate says of its owner. */
export interface CertificateFacts {
  /** In one line, such as `CN=n1, OU=nodes`. */
  readonly subject: string
  readonly issuer: string
  readonly uris: readonly string[]
  readonly dnsNames: readonly string[]
  readonly organizationalUnits: readonly string[]
}

export type Caller =
  /** The port has no TLS, or credentials of grpc-js that decide by themselves. */
  | { readonly kind: 'unidentified' }
  /** The port needs TLS, and the connection has none. */
  | { readonly kind: 'plain text' }
  /** TLS without a certificate. */
  | { readonly kind: 'anonymous' }
  /** TLS with a certificate; `problem` says why it is not trusted. */
  | { readonly kind: 'certificate'; readonly facts: CertificateFacts; readonly problem: string | undefined }

export const UNIDENTIFIED: Caller = { kind: 'unidentified' }

const UNREADABLE: CertificateFacts = {
  ...{ subject: 'no name', issuer: 'no name' },
  ...{ uris: [], dnsNames: [], organizationalUnits: [] },
}

/**
 * The caller with this certificate, trusted unless there is a problem. Any stranger can send one, so that a certificate that cannot be read is a
 * problem, and not an error.
 */
export function callerWithCertificate(read: () => X509Certificate, problem: string | undefined): Caller {
  try {
    return { kind: 'certificate', facts: certificateFacts(read()), problem }
  } catch (cause) {
    return { kind: 'certificate', facts: UNREADABLE, problem: `it cannot be read (${String(cause)})` }
  }
}

export function certificateFacts(certificate: X509Certificate): CertificateFacts {
  const names = alternativeNames(certificate.subjectAltName ?? '')
  const named = (prefix: string): string[] =>
    names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length))
  const units = (certificate.toLegacyObject().subject as { readonly OU?: string | readonly string[] } | undefined)?.OU
  return {
    subject: inOneLine(certificate.subject),
    issuer: inOneLine(certificate.issuer),
    uris: named('URI:'),
    dnsNames: named('DNS:'),
    organizationalUnits: typeof units === 'string' ? [units] : (units ?? []),
  }
}

/** In words, for messages: what was seen instead of what was expected. */
export function describeCaller(caller: Caller): string {
  switch (caller.kind) {
    case 'unidentified':
      return 'a connection without TLS'
    case 'plain text':
      return 'plain text at a port that needs TLS'
    case 'anonymous':
      return 'TLS without a certificate'
    case 'certificate':
      return describeCertificate(caller.facts)
  }
}

export function describeCertificate({ subject, issuer, uris, dnsNames }: CertificateFacts): string {
  const names = [...uris, ...dnsNames.map((name) => `DNS name ${name}`)]
  const has = names.length === 0 ? 'without URIs and DNS names' : `with ${names.join(', ')}`
  return `the certificate '${subject}' of '${issuer}' ${has}`
}

function inOneLine(name: string): string {
  return name === undefined || name === '' ? 'no name' : name.split('\n').join(', ')
}

/** Node separates names by ', ' and quotes, as JSON, those that contain such characters. */
function alternativeNames(text: string): string[] {
  const names = text.match(/[A-Za-z ]+:(?:"(?:[^"\\]|\\.)*"|[^,]*)/g) ?? []
  return names.map((name) => {
    const [, kind, value = ''] = /^ *([^:]*:)(.*)$/s.exec(name) ?? []
    return `${kind}${value.startsWith('"') ? JSON.parse(value) : value}`
  })
}

/** Makes an authority and the certificates that it signs. The library is loaded when this file is. */
import 'reflect-metadata'
import { randomBytes, webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import * as x509 from '@peculiar/x509'

/** A certificate and its private key, in PEM format. */
export interface KeyPair {
  readonly cert: string
  readonly key: string
}

export interface CertificateRequest {
  readonly commonName: string
  /** Host names and IP addresses. */
  readonly hosts: readonly string[]
  readonly uris: readonly string[]
  readonly days: number
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const DAY_MS = 24 * 60 * 60 * 1000
/** Certificates are valid a little earlier than now: the clocks of other machines may be behind. */
const EARLIER_MS = 5 * 60 * 1000
const SERVER_AND_CLIENT = ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']

x509.cryptoProvider.set(webcrypto)

export interface AuthorityRequest {
  readonly commonName: string
  /** Says what it is for. */
  readonly uri: string
  readonly days: number
}

/** An authority that can only sign certificates of others, no further authorities. */
export async function makeAuthority({ commonName, uri, days }: AuthorityRequest): Promise<KeyPair> {
  const keys = await makeKeys()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...{ ...validity(days), keys, name: [{ CN: [commonName] }], signingAlgorithm: ALGORITHM },
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      new x509.SubjectAlternativeNameExtension([{ type: 'url', value: uri }]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { cert: `${certificate.toString('pem')}\n`, key: await privateKeyPem(keys) }
}

/** Throws an Error if the authority's key does not fit, or is not one that `makeAuthority` makes. */
export async function issueCertificate(authority: KeyPair, request: CertificateRequest): Promise<KeyPair> {
  const issuer = new x509.X509Certificate(authority.cert)
  const signingKey = await importPrivateKey(authority.key)
  const keys = await makeKeys()
  const names: x509.JsonGeneralNames = [
    ...request.uris.map((value) => ({ type: 'url' as const, value })),
    ...request.hosts.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value })),
  ]
  const { notBefore, notAfter, serialNumber } = validity(request.days)
  const certificate = await x509.X509CertificateGenerator.create({
    ...{ serialNumber, notBefore, notAfter: notAfter < issuer.notAfter ? notAfter : issuer.notAfter },
    ...{ subject: [{ CN: [request.commonName] }], issuer: issuer.subjectName, publicKey: keys.publicKey, signingKey },
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(SERVER_AND_CLIENT),
      new x509.SubjectAlternativeNameExtension(names),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  })
  return { cert: `${certificate.toString('pem')}\n`, key: await privateKeyPem(keys) }
}

function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
}

async function privateKeyPem({ privateKey }: webcrypto.CryptoKeyPair): Promise<string> {
  const bytes = await webcrypto.subtle.exportKey('pkcs8', privateKey)
  return `${x509.PemConverter.encode(bytes, 'PRIVATE KEY')}\n`
}

function importPrivateKey(pem: string): Promise<webcrypto.CryptoKey> {
  const bytes = x509.PemConverter.decodeFirst(pem)
  return webcrypto.subtle.importKey('pkcs8', bytes, ALGORITHM, false, ['sign'])
}

function validity(days: number): { readonly serialNumber: string; readonly notBefore: Date; readonly notAfter: Date } {
  const now = Date.now()
  return {
    // Positive, as the standard demands.
    serialNumber: `01${randomBytes(15).toString('hex')}`,
    notBefore: new Date(now - EARLIER_MS),
    notAfter: new Date(now + days * DAY_MS),
  }
}

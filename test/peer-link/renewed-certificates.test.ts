/** Tests of certificates that are renewed while a node runs, with real files and connections, on every transport. */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ConnectionOptions } from 'node:tls'
import { connect } from 'node:tls'
import { makeAuthority } from '../../src/cli/cert/certificates.ts'
import type { Transport } from '../../src/contracts/transport.ts'
import { CertificateFiles } from '../../src/peer-link/certificate-files.ts'
import type { PeerLinkLimits } from '../../src/peer-link/limits.ts'
import type { TlsOptions } from '../../src/peer-link/tls-options.ts'
import { RecordingHost } from '../../src/testing/contracts/transport/recording-host.ts'
import { AUTHORITY, nodeTls, tlsWith } from './certificates.ts'
import type { TransportKind } from './transport-fixture.ts'
import { makeTransport, TRANSPORT_KINDS } from './transport-fixture.ts'

const NEXT = await makeAuthority({ commonName: 'next ca', uri: 'raft://next', days: 90 })

interface Started {
  readonly transport: Transport
  readonly host: RecordingHost
}

for (const kind of TRANSPORT_KINDS) describe(`a renewed certificate over ${kind}`, () => renewalTests(kind))

function renewalTests(kind: TransportKind): void {
  const started: Transport[] = []
  let directory = ''
  const [keyFile, certFile, caFile] = ['key', 'cert', 'ca'].map((name) => (): string => join(directory, name)) as [
    () => string,
    () => string,
    () => string,
  ]

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'quorate-renewal-'))
  })

  afterEach(async () => {
    await Promise.all(started.splice(0).map((transport) => transport.close()))
    rmSync(directory, { recursive: true, force: true })
  })

  const write = ({ key, cert, ca }: TlsOptions): void => {
    writeFileSync(keyFile(), key)
    writeFileSync(certFile(), cert)
    writeFileSync(caFile(), ca ?? '')
  }

  const start = async (id: string, tls: TlsOptions, limits: Partial<PeerLinkLimits> = {}): Promise<Started> => {
    const pauses = { refusalPauseMinMs: 20, refusalPauseMaxMs: 20, refusalMemoryMs: 0 }
    const transport = makeTransport(kind, id, { tls, certificateCheckMs: 10, ...pauses, ...limits })
    started.push(transport)
    const host = new RecordingHost({ clusterId: 'test', nodeId: id, directoryId: `disk-of-${id}` })
    await transport.start(host)
    return { transport, host }
  }

  const startWithFiles = async (id: string, tls?: TlsOptions): Promise<Started> => {
    write(tls ?? (await nodeTls(id)))
    return start(id, new CertificateFiles({ keyFile: keyFile(), certFile: certFile(), caFile: caFile() }))
  }

  const conditions = ({ host }: Started, code: string): (string | undefined)[] =>
    host.callsOfType('condition').flatMap((call) => (call.code === code ? [call.message] : []))

  it('is what new connections get, in both directions, with the renewed authorities', async () => {
    const a = await startWithFiles('a')
    const uris = (id: string): readonly string[] => [`raft://test/${id}`]
    const ca = `${AUTHORITY.cert}${NEXT.cert}`
    const next = { ...(await tlsWith({ uris: uris('a'), authority: NEXT, days: 60 })), ca }
    const b = await start('b', { ...(await tlsWith({ uris: uris('b'), authority: NEXT })), ca: NEXT.cert })
    a.transport.setPeers(new Map([['b', b.transport.address]]))
    await a.host.until('the refusal', () => a.host.callsOfType('refusedBy').length > 0)
    write(next)
    await a.host.until('the link', () => a.host.isConnected('b'))
    assert.equal(await serialAt(a.transport.address, { ca: NEXT.cert }), serialOf(next))
    assert.equal(a.transport.certificateExpiresAt, Date.parse(new X509Certificate(next.cert).validTo))
    const c = await start('c', { ...(await tlsWith({ uris: uris('c'), authority: NEXT })), ca: NEXT.cert })
    c.transport.setPeers(new Map([['a', a.transport.address]]))
    await c.host.until('the link', () => c.host.isConnected('a'))
    for (const code of ['CERTIFICATE_NOT_RENEWED', 'CERTIFICATE_EXPIRES']) assert.deepEqual(conditions(a, code), [])
  })

  for (const { what, spoil, words } of [
    {
      what: 'whose key is another one',
      spoil: async () => writeFileSync(keyFile(), (await nodeTls('a')).key),
      words:
        /keeps the certificate from before, which expires at \S+Z: it has a key or certificate that cannot be used: the key is not that of the certificate$/,
    },
    {
      what: 'that cannot be read',
      spoil: async () => unlinkSync(certFile()),
      words: /: certFile cannot be read: ENOENT/,
    },
    {
      what: 'that is cut off',
      spoil: async () => writeFileSync(certFile(), '-----BEGIN CERTIFICATE-----\nMIIB'),
      words: /: it has a key or certificate that cannot be used: [a-z ]+$/,
    },
    {
      what: 'of another node',
      spoil: async () => write(await nodeTls('b')),
      words:
        /: the certificate of this node does not name a of cluster test: expected raft:\/\/test\/a, seen .*raft:\/\/test\/b/,
    },
    {
      what: 'that has expired',
      spoil: async () => write(await tlsWith({ uris: ['raft://test/a'], days: -1 })),
      words: /: others would refuse it: it expired at \S+Z$/,
    },
    {
      what: 'of an authority that is not trusted',
      spoil: async () => write(await tlsWith({ uris: ['raft://test/a'], authority: NEXT })),
      words: /: others would refuse it: none of the authorities in `ca` has signed it$/,
    },
  ])
    it(`${what} is not taken, and the reason is reported until it is repaired`, async () => {
      const a = await startWithFiles('a')
      const before = await serialAt(a.transport.address, { ca: AUTHORITY.cert })
      await spoil()
      await a.host.until('the condition', () => conditions(a, 'CERTIFICATE_NOT_RENEWED').length > 0)
      assert.match(conditions(a, 'CERTIFICATE_NOT_RENEWED')[0] ?? '', words)
      assert.equal(await serialAt(a.transport.address, { ca: AUTHORITY.cert }), before)
      const next = await nodeTls('a')
      write(next)
      await a.host.until('the end', () => conditions(a, 'CERTIFICATE_NOT_RENEWED').at(-1) === undefined)
      assert.equal(await serialAt(a.transport.address, { ca: AUTHORITY.cert }), serialOf(next))
    })

  it('that expires soon is reported, and ends with a renewed one', async () => {
    const a = await startWithFiles('a', await tlsWith({ uris: ['raft://test/a'], days: 1 }))
    await a.host.until('the condition', () => conditions(a, 'CERTIFICATE_EXPIRES').length > 0)
    assert.match(
      conditions(a, 'CERTIFICATE_EXPIRES')[0] ?? '',
      /^the certificate of this node expires at \S+Z, in 0 days: /,
    )
    write(await nodeTls('a'))
    await a.host.until('the end', () => conditions(a, 'CERTIFICATE_EXPIRES').at(-1) === undefined)
  })
}

const serialOf = ({ cert }: TlsOptions): string => new X509Certificate(cert).serialNumber

/** The serial number of the certificate that a new connection gets. */
function serialAt(address: string, options: ConnectionOptions): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...options, host: '127.0.0.1', port: Number(address.split(':')[1]) }, () => {
      resolve(socket.getPeerX509Certificate()?.serialNumber)
      socket.destroy()
    })
    socket.on('error', reject)
  })
}

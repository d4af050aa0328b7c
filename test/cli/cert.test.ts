/** Tests of `quorate cert`: what the certificates contain, and that no file is replaced. */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { callerWithCertificate, certificateFacts } from '../../src/access/caller.ts'
import { runInProcess } from '../e2e/command.ts'

describe('quorate cert', () => {
  let directory = ''
  const cert = (...args: readonly string[]): ReturnType<typeof runInProcess> =>
    runInProcess(['cert', ...args, '--dir', directory])
  const read = (name: string): X509Certificate => new X509Certificate(readFileSync(join(directory, `${name}.crt`)))

  beforeEach(async () => {
    directory = join(mkdtempSync(join(tmpdir(), 'quorate-cert-')), 'certs')
    const { exitCode, stderr } = await cert('init', '--cluster', 'kv demo')
    assert.equal(exitCode, 0)
    assert.match(stderr, /^next: quorate cert node /)
  })

  afterEach(() => rmSync(join(directory, '..'), { recursive: true, force: true }))

  it('signs certificates of nodes, for the names and the days that were asked for', async () => {
    const { exitCode } = await cert('node', 'n1', 'n2', '--host', 'n.example', '--host', '10.0.0.1', '--days', '2')
    assert.equal(exitCode, 0)
    const [authority, node] = [read('ca'), read('n2')]
    assert.ok(authority.ca)
    assert.ok(!node.ca && node.verify(authority.publicKey) && node.checkIssued(authority))
    const { uris, dnsNames } = certificateFacts(node)
    assert.deepEqual([uris, dnsNames], [['raft://kv%20demo/n2'], ['n.example']])
    assert.equal(node.checkIP('10.0.0.1'), '10.0.0.1')
    const days = (Date.parse(node.validTo) - Date.now()) / (24 * 3600 * 1000)
    assert.ok(days > 1.9 && days <= 2, `${days} days`)
  })

  it('signs certificates of clients with a role', async () => {
    await cert('client', 'alice', '--role', 'admin')
    assert.deepEqual(certificateFacts(read('alice')).uris, ['raft://kv%20demo/roles/admin'])
  })

  it('keeps the files from other users, and replaces none', async () => {
    await cert('node', 'n1')
    const files = ['ca.crt', 'ca.key', 'n1.crt', 'n1.key'].map((name) => join(directory, name))
    for (const file of files) assert.equal(statSync(file).mode & 0o777, 0o600, file)
    const before = files.map((file) => readFileSync(file, 'utf8'))
    for (const args of [
      ['init', '--cluster', 'other'],
      ['node', 'n1'],
      ['client', 'n1'],
    ]) {
      const { exitCode, stderr } = await cert(...args)
      assert.equal(exitCode, 5)
      assert.match(stderr, /\.key exists, and is not replaced/)
    }
    assert.deepEqual(
      files.map((file) => readFileSync(file, 'utf8')),
      before,
    )
  })

  it('says what is missing or wrong', async () => {
    for (const { args, words } of [
      { args: ['node', 'n 1'], words: /the id n 1 must be 1 to 64 letters/ },
      { args: ['client', '../x'], words: /the name ..\/x must be 1 to 64 letters/ },
    ]) {
      const { exitCode, stderr } = await cert(...args)
      assert.equal(exitCode, 2)
      assert.match(stderr, words)
    }
    const { exitCode, stderr } = await runInProcess(['cert', 'node', 'n1', '--dir', join(directory, 'none')])
    assert.equal(exitCode, 2)
    assert.match(stderr, /there is no authority in .*\n {2}hint: make one: quorate cert init/)
  })

  it('prints the files as JSON', async () => {
    const { stdout } = await cert('node', 'n1', '-o', 'json')
    const { schema, files } = JSON.parse(stdout)
    assert.equal(schema, 'quorate.cert/v1')
    assert.equal(files[0].cert, join(directory, 'n1.crt'))
  })
})

describe('the names in a certificate', () => {
  it('are read with their quotes, so that one name cannot pass for two', () => {
    const facts = certificateFacts({
      subject: 'CN=x',
      issuer: 'CN=y',
      subjectAltName: 'DNS:"a, URI:raft://kv/n1", URI:raft://kv/n2',
      toLegacyObject: () => ({ subject: {} }),
    } as unknown as X509Certificate)
    assert.deepEqual([facts.uris, facts.dnsNames], [['raft://kv/n2'], ['a, URI:raft://kv/n1']])
  })

  it('are none, and the certificate not trusted, if it cannot be read', () => {
    const broken = { subject: 'CN=x', issuer: 'CN=y', subjectAltName: 'URI:"\\x41"', toLegacyObject: () => ({}) }
    const caller = callerWithCertificate(() => broken as unknown as X509Certificate, undefined)
    assert.ok(caller.kind === 'certificate')
    assert.deepEqual(caller.facts.uris, [])
    assert.match(caller.problem ?? '', /^it cannot be read \(SyntaxError/)
  })
})

/** Tests of TLS in the command: three processes and clients with certificates, and how others are refused. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '../../src/connect.ts'
import { nodeTls, roleTls, STRANGER, tlsWith } from '../peer-link/certificates.ts'
import type { RunningCommand } from './command.ts'
import { run, runInProcess, start } from './command.ts'
import { eventually, freePort } from './real-cluster.ts'

const NODES = ['raft://test/n1']
const TOKEN = 'long-random-text-of-a-dashboard'

describe('the quorate command with TLS', function () {
  this.timeout(60_000)
  const directory = mkdtempSync(join(tmpdir(), 'quorate-tls-'))
  const file = (name: string): string => join(directory, name)
  const flagsOf = (name: string): string[] => [
    ...['--tls-ca', file(`${name}-ca`), '--tls-cert', file(`${name}-cert`), '--tls-key', file(`${name}-key`)],
  ]
  const running: RunningCommand[] = []
  let endpoints = ''

  before(async () => {
    for (const [name, { ca, cert, key }] of Object.entries({
      ...{ node: await nodeTls('n1', 'n2', 'n3'), stranger: STRANGER, none: await nodeTls() },
      ...{ observer: await roleTls('observer'), client: await roleTls('client'), admin: await roleTls('admin') },
      ...{ other: await roleTls('admin', 'other'), elsewhere: await tlsWith({ uris: NODES, hosts: ['127.0.0.2'] }) },
    }))
      for (const [part, pem] of Object.entries({ ca, cert, key })) writeFileSync(file(`${name}-${part}`), pem ?? '')
    writeFileSync(file('tokens'), `# for a dashboard\nobserver ${TOKEN}\n`)
    writeFileSync(file('token'), `${TOKEN}\n`)
    writeFileSync(file('wrong-token'), 'another-long-random-text')
    const ports = [await freePort(), await freePort(), await freePort()]
    endpoints = ports.map((port) => `127.0.0.1:${port}`).join(',')
    const peers = ports.map((port, offset) => `n${offset + 1}=127.0.0.1:${port}`).join(',')
    for (const [offset, port] of ports.entries()) {
      const id = `n${offset + 1}`
      const where = ['--listen', `127.0.0.1:${port}`, '--peers', peers, '--data-dir', file(id)]
      const how = ['--peer-transport', id === 'n1' ? 'grpc' : 'tcp', '--tokens', file('tokens')]
      running.push(start(['serve', '--id', id, ...where, ...flagsOf('node'), ...how]))
    }
  })

  after(async () => {
    for (const { child } of running) child.kill('SIGKILL')
    await Promise.all(running.map(({ finished }) => finished))
    rmSync(directory, { recursive: true, force: true })
  })

  it('serves clients with a certificate that the authority signed', async () => {
    await eventually('a write', async () => {
      const put = await runInProcess(['put', 'k', 'v', '-e', endpoints, ...flagsOf('client')])
      return put.exitCode === 0 || undefined
    })
    const got = await runInProcess(['get', 'k', '-e', endpoints, ...flagsOf('client')])
    assert.deepEqual([got.exitCode, got.stdout], [0, 'v\n'])
  })

  it('streams changes to clients with a certificate', async () => {
    const reader = start(['changes', '--from', '1', '-e', endpoints, ...flagsOf('client')])
    await eventually('a write', async () => reader.stdout().includes('put\tk\tv') || undefined)
    reader.child.kill('SIGINT')
    const { exitCode, stderr } = await reader.finished
    assert.deepEqual([exitCode, stderr], [0, ''])
  })

  it('serves programs that pass keys and certificates to connect', async () => {
    const client = await connect({ endpoints: endpoints.split(','), tls: await roleTls('observer') })
    try {
      const statuses = await client.status()
      assert.deepEqual(
        statuses.map((each) => ('status' in each ? each.status.protection : each.error)),
        ['tls', 'tls', 'tls'],
      )
    } finally {
      await client.close()
    }
  })

  for (const { what, flags, words } of [
    {
      what: 'without TLS',
      flags: () => [],
      words: /takes only connections with TLS or the cluster secret, seen plain text/,
    },
    {
      what: 'without a certificate',
      flags: () => ['--tls-ca', file('node-ca')],
      words: /expected a certificate of an authority that this node trusts, seen TLS without a certificate/,
    },
    {
      what: 'with a certificate of another authority',
      flags: () => flagsOf('stranger'),
      words: /seen the certificate 'CN=test' of 'CN=stranger' with .*none of the authorities in `ca` has signed it/,
    },
    {
      what: 'that trusts another authority',
      flags: () => ['--tls-ca', file('stranger-cert')],
      words:
        /^error\[ERR_RAFT_UNAUTHENTICATED\]: TLS with 127.0.0.1:\d+ failed: its certificate is not trusted: none of the authorities/,
    },
  ])
    it(`serves no client ${what}, and says why`, async () => {
      const { exitCode, stdout, stderr } = await runInProcess(['get', 'k', '-e', endpoints, '-t', '2s', ...flags()])
      assert.match(stderr, words)
      assert.match(stderr, /^error\[ERR_RAFT_UNAUTHENTICATED\]/)
      assert.deepEqual([exitCode, stdout], [6, ''])
    })

  const COMMANDS = [
    { command: ['status'], needed: 'observer' },
    { command: ['put', 'k', 'v'], needed: 'client' },
    { command: ['snapshot', 'take'], needed: 'admin' },
    { command: ['leader', 'transfer'], needed: 'admin' },
  ]
  for (const { who, role, flags } of [
    { who: 'an observer', role: 'observer', flags: () => flagsOf('observer') },
    { who: 'a client', role: 'client', flags: () => flagsOf('client') },
    { who: 'an admin', role: 'admin', flags: () => flagsOf('admin') },
    { who: 'a node', role: 'observer', flags: () => flagsOf('node') },
    { who: 'an admin of another cluster', role: 'none', flags: () => flagsOf('other') },
    { who: 'a certificate without a role', role: 'none', flags: () => flagsOf('none') },
    { who: 'a token', role: 'observer', flags: () => ['--tls-ca', file('node-ca'), '--token', file('token')] },
  ])
    it(`lets ${who} do what its role allows, and nothing else`, async () => {
      const order = ['none', 'observer', 'client', 'admin']
      for (const { command, needed } of COMMANDS) {
        const { exitCode, stderr } = await runInProcess([...command, '-e', endpoints, ...flags()])
        if (order.indexOf(role) >= order.indexOf(needed)) {
          assert.equal(exitCode, 0, `${command}: ${stderr}`)
          continue
        }
        assert.match(stderr, /^error\[ERR_RAFT_UNAUTHORIZED\]/)
        // A transfer asks for the status first, for which an unknown caller needs a role too.
        const words =
          role === 'none' ? `needs the role \\w+, seen no role` : `needs the role ${needed}, seen the role ${role}`
        assert.match(stderr, new RegExp(words))
        assert.equal(exitCode, 6)
      }
    })

  it('prints no warnings of Node, such as about an IP address as the name of a server', async () => {
    const { exitCode, stderr } = await run(['status', '-e', endpoints, ...flagsOf('observer')])
    assert.deepEqual([exitCode, stderr], [0, ''])
    for (const each of running) assert.doesNotMatch(each.stderr(), /Warning/)
  })

  it('accepts no node whose certificate does not name its address', async () => {
    const port = await freePort()
    const where = ['--listen', `127.0.0.1:${port}`, '--peers', `n1=127.0.0.1:${port}`, '--data-dir', file('elsewhere')]
    running.push(start(['serve', '--id', 'n1', ...where, ...flagsOf('elsewhere')]))
    await eventually('the refusal', async () => {
      const { exitCode, stderr } = await runInProcess(['status', '-e', `127.0.0.1:${port}`, ...flagsOf('observer')])
      assert.notEqual(exitCode, 0)
      return (
        /its certificate is for other addresses: IP: 127\.0\.0\.1 is not in the cert's list: 127\.0\.0\.2/.test(
          stderr,
        ) || undefined
      )
    })
  })

  it('refuses a token that the nodes do not know', async () => {
    const flags = ['--tls-ca', file('node-ca'), '--token', file('wrong-token')]
    const { exitCode, stderr } = await runInProcess(['status', '-e', endpoints, ...flags])
    assert.equal(exitCode, 6)
    assert.match(stderr, /expected a bearer token that this node knows, seen another one/)
  })

  for (const { what, flags, words } of [
    { what: 'a key without a certificate', flags: () => ['--tls-key', file('node-key')], words: /belong together/ },
    { what: 'a file that does not exist', flags: () => ['--tls-ca', file('none')], words: /--tls-ca cannot be read: / },
  ])
    it(`names ${what}`, async () => {
      const { exitCode, stderr } = await runInProcess(['get', 'k', ...flags()])
      assert.equal(exitCode, 2)
      assert.match(stderr, words)
    })
})

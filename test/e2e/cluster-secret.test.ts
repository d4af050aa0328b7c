/** Tests of `--cluster-secret` of the command, and of what it says to a client with another secret, with certificates or with neither. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { roleTls } from '../peer-link/certificates.ts'
import type { RunningCommand } from './command.ts'
import { runInProcess, start } from './command.ts'
import { eventually, freePort } from './real-cluster.ts'

describe('the quorate command with a cluster secret', function () {
  this.timeout(30_000)
  const directory = mkdtempSync(join(tmpdir(), 'quorate-secret-'))
  const file = (name: string): string => join(directory, name)
  let node: RunningCommand
  let address = ''

  before(async () => {
    writeFileSync(file('secret'), 'the secret of a cluster\n')
    writeFileSync(file('other'), 'the secret of another one\n')
    writeFileSync(file('short'), 'too short\n')
    for (const [part, pem] of Object.entries(await roleTls('admin')))
      if (typeof pem === 'string') writeFileSync(file(part), pem)
    address = `127.0.0.1:${await freePort()}`
    const where = ['--listen', address, '--peers', `n1=${address}`, '--memory']
    node = start(['serve', '--id', 'n1', ...where, '--cluster-secret', file('secret')])
    await eventually('a write', async () => {
      const { exitCode } = await runInProcess(['put', 'k', 'v', '-e', address, '--cluster-secret', file('secret')])
      return exitCode === 0 || undefined
    })
  })

  after(async () => {
    node.child.kill('SIGKILL')
    await node.finished
    rmSync(directory, { recursive: true, force: true })
  })

  it('serves a client that has it', async () => {
    const got = await runInProcess(['get', 'k', '-e', address, '--cluster-secret', file('secret')])
    assert.deepEqual([got.exitCode, got.stdout, got.stderr], [0, 'v\n', ''])
  })

  it('streams changes to a client that has it', async () => {
    const reader = start(['changes', '--from', '1', '-e', address, '--cluster-secret', file('secret')])
    await eventually('a write', async () => reader.stdout().includes('put\tk\tv') || undefined)
    reader.child.kill('SIGINT')
    const { exitCode, stderr } = await reader.finished
    assert.deepEqual([exitCode, stderr], [0, ''])
  })

  for (const { what, flags, words, hint } of [
    {
      what: 'with another one',
      flags: () => ['--cluster-secret', file('other')],
      words: /TLS with 127\.0\.0\.1:\d+ failed: it has another cluster secret$/m,
      hint: /need the same secret: --cluster-secret/,
    },
    {
      what: 'with certificates',
      flags: () => ['--tls-ca', file('ca'), '--tls-cert', file('cert'), '--tls-key', file('key')],
      words: /failed: one end has a cluster secret, and the other end certificates$/m,
      hint: /need the secret, or all need certificates/,
    },
    {
      what: 'in plain text',
      flags: () => [],
      words: /this port takes only connections with TLS or the cluster secret, seen plain text$/m,
      hint: /--cluster-secret/,
    },
  ])
    it(`serves no client ${what}, and says what to do, with exit code 6`, async () => {
      const { exitCode, stdout, stderr } = await runInProcess(['get', 'k', '-e', address, '-t', '2s', ...flags()])
      assert.match(stderr, words)
      assert.match(stderr, hint)
      assert.doesNotMatch(stderr, /SSL|the secret of/)
      assert.deepEqual([exitCode, stdout], [6, ''])
    })

  it('lets no node join that has none, and says why', async () => {
    const where = ['--id', 'n2', '--listen', `127.0.0.1:${await freePort()}`, '--join', address, '--memory']
    const { exitCode, stderr } = await runInProcess(['serve', ...where])
    assert.match(stderr, /^error\[ERR_RAFT_UNAUTHENTICATED\]: .*takes only connections with TLS or the cluster secret/)
    assert.equal(exitCode, 78)
  })

  it('takes no secret that can be guessed', async () => {
    const { exitCode, stderr } = await runInProcess(['get', 'k', '-e', address, '--cluster-secret', file('short')])
    assert.match(stderr, /must have at least 16 bytes, not 9/)
    assert.equal(exitCode, 2)
  })
})

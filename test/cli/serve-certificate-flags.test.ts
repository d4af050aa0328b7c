/** The flags of `quorate serve` about certificates, and files that cannot be used: every mistake is listed at once. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildProgram } from '../../src/cli/program.ts'
import type { ServeFlags, ServeOptions } from '../../src/cli/serve/serve-flags.ts'
import { serveOptions } from '../../src/cli/serve/serve-flags.ts'
import { NODE } from '../peer-link/certificates.ts'

describe('the flags about certificates', () => {
  let directory: string
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'quorate-serve-flags-'))
    for (const name of ['ca', 'cert', 'key'] as const) writeFileSync(join(directory, name), String(NODE[name]))
    writeFileSync(join(directory, 'tokens'), '# comment\nroot a-long-random-token\n')
  })
  after(() => rmSync(directory, { recursive: true }))

  const file = (name: string): string => join(directory, name)
  const tlsFlags = () => ['--tls-ca', file('ca'), '--tls-cert', file('cert'), '--tls-key', file('key')]

  it('contain whose certificates are accepted, and for what', async () => {
    const rules = ['--node-dns-names', '{id}.kv.example', '--unit-role', 'ops=admin', '--unit-role', 'a=b=observer']
    const { tls } = await parsed([...tlsFlags(), ...rules])
    assert.deepEqual(
      { nodeDnsNames: tls?.nodeDnsNames, rolesOfUnits: tls?.rolesOfUnits },
      { nodeDnsNames: '{id}.kv.example', rolesOfUnits: { ops: 'admin', 'a=b': 'observer' } },
    )
  })

  it('contain no role that does not exist', () =>
    assert.rejects(
      parsed(['--unit-role', 'ops=root']),
      /It is not UNIT=ROLE, with one of the roles observer, client, admin/,
    ))

  it('contain rules about certificates only with certificates', () =>
    assert.rejects(parsed(['--unit-role', 'ops=admin']), /--unit-role needs --tls-ca, --tls-cert and --tls-key/))

  it('are all checked, also the files that they name', () =>
    assert.rejects(
      parsed([
        '--heartbeat',
        'often',
        '--tls-cert',
        file('none'),
        '--tls-key',
        file('key'),
        '--tokens',
        file('tokens'),
      ]),
      (error: Error) => {
        assert.match(error.message, /; --tls-cert cannot be read: ENOENT/)
        assert.match(error.message, /; --tokens has line 2 of \S+, which is not a role/)
        assert.match(error.message, /: --heartbeat /)
        return true
      },
    ))
})

async function parsed(args: readonly string[]): Promise<ServeOptions> {
  const io = { out: () => undefined, err: () => undefined, isTty: false }
  const terminal = { ...io, ask: async () => undefined, readInput: async () => new Uint8Array() }
  const program = buildProgram(terminal, '0', async () => undefined)
  const serve = program.commands.find((each) => each.name() === 'serve')
  let flags: ServeFlags | undefined
  serve?.exitOverride().action(() => {
    flags = serve.opts()
  })
  const node = ['--id', 'n1', '--listen', '127.0.0.1:0', '--peers', 'n1=127.0.0.1:7001', '--memory']
  await program.parseAsync(['serve', ...node, ...args], { from: 'user' })
  return serveOptions(flags ?? {})
}

/** The id allocator under kills of the leader: no order without an id, no id without an order. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { freeRange } from '../../src/cli/demo/free-ports.ts'

const ROOT = join(import.meta.dirname, '..', '..')

describe('the id allocator', function () {
  this.timeout(120_000)

  it('gives each order one id, through kills of the leader, without a failed call', async () => {
    const port = await freeRange(30_500, 3)
    const program = join(ROOT, 'examples/id-allocator/main.ts')
    const args = ['--import', 'tsx', program, '--failovers', '2', '--port', `${port}`]
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' })
    assert.equal(status, 0, stdout + stderr)
    assert.match(stdout, /^2 failovers with sessions\n(\d+) orders have an id, \1 ids were allocated, 0 calls failed\n/)
  })
})

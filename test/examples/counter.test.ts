/** The smallest example: three nodes in one program have the same count. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..', '..')

describe('the counter example', function () {
  this.timeout(60_000)

  it('prints the same value for each node', () => {
    const command = ['--import', 'tsx', join(ROOT, 'examples/counter.ts')]
    const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: ROOT, encoding: 'utf8' })
    assert.equal(stdout, 'n1 3\nn2 3\nn3 3\n', stderr)
    assert.equal(status, 0)
  })
})

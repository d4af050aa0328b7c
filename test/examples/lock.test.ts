/** The lock example: a killed, a stopped and a continued holder, and a killed leader. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { freeRange } from '../../src/cli/demo/free-ports.ts'

const ROOT = join(import.meta.dirname, '..', '..')

describe('the lock example', function () {
  this.timeout(180_000)

  it('gives the lock on when its holder is killed or stopped, and rejects late writes', async () => {
    const port = await freeRange(30_600, 3)
    const program = join(ROOT, 'examples/lock/main.ts')
    const args = ['--import', 'tsx', program, '--port', `${port}`]
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' })
    assert.equal(status, 0, stdout + stderr)
    assert.match(stdout, /^worker \d holds the lock with token 1\n/)
    assert.match(stdout, /\nits process was killed: token 2 came \S+ s later\nits process was stopped: token 3 came /)
    assert.match(stdout, /\nit continued and noticed that it lost the lock: /)
    assert.match(stdout, /, 0 unexpected ones rejected\n$/)
  })
})

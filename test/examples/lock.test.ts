/** The lock example: a killed, a stopped and a continued holder, and a killed leader. */
import assert from 'node:assert/strict'
import { describeLong } from '../long.ts'
import { assertPrinted, outputOf } from './programs.ts'

describeLong('the lock example', function () {
  this.timeout(180_000)

  it('gives the lock on when its holder is killed or stopped, and rejects late writes', async () => {
    const output = await outputOf('lock', 30_600)
    assert.match(output, /^worker \d holds the lock with token 1\n/)
    assert.match(output, /\nits process was killed: token 2 came \S+ s later\nits process was stopped: token 3 came /)
    assert.match(output, /\nit continued and noticed that it lost the lock: /)
    assert.match(output, /, 0 unexpected ones rejected\n$/)
    assertPrinted('lock', output, /(lost the lock: |the leader was killed: ).*/)
  })
})

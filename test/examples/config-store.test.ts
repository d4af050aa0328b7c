/** The config store example: a copy that follows the changes while the leader is killed. */
import assert from 'node:assert/strict'
import { assertPrinted, outputOf } from './programs.ts'

describe('the config store example', function () {
  this.timeout(120_000)

  it('gets every change once', async () => {
    const output = await outputOf('config-store', 30_640)
    assertPrinted('config-store', output)
    const lines = output.trim().split('\n')
    assert.deepEqual(lines.slice(0, 3), [
      'the copy begins with level info',
      'the leader was killed',
      'a write on top of an old value: refused',
    ])
    const stored = 'settings/limit=100 settings/readers=1'
    assert.deepEqual(lines.slice(3), [`stored: ${stored}`, `copied: ${stored}, in 102 changes`])
  })
})

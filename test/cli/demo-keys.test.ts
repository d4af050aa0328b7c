/** What the demo takes as a key. */
import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { listenToKeys } from '../../src/cli/demo/keyboard.ts'

describe('the keys of the demo', () => {
  it('are characters: an arrow, which arrives with letters, is none', () => {
    const modes: boolean[] = []
    const stdin = Object.assign(new PassThrough(), { setRawMode: (isRaw: boolean) => modes.push(isRaw) })
    const keys: string[] = []
    const stop = listenToKeys(
      (key) => keys.push(key),
      () => keys.push('quit'),
      stdin as unknown as NodeJS.ReadStream,
    )
    for (const typed of ['k', '\u001b[C', '\u001bOB', 'Rs', '\u0003']) stdin.emit('data', Buffer.from(typed))
    stop()
    assert.deepEqual(keys, ['k', 'r', 's', 'quit'])
    assert.deepEqual(modes, [true, false])
  })
})

import assert from 'node:assert/strict'
import { SilenceWatch } from '../../src/client/silence-watch.ts'
import type { Clock } from '../../src/contracts/clock.ts'

describe('a silence watch', () => {
  it('counts a pause of its own process as one step', () => {
    let now = 0
    let due: (() => void) | undefined
    const clock: Clock = {
      now: () => now,
      wakeAt: (_at, callback) => {
        due = callback
        return { cancel: () => undefined }
      },
      defer: (callback) => callback(),
    }
    const watch = new SilenceWatch({ clock, nodeSilenceMs: 1000, onSilent: () => undefined })
    watch.onCallOpened('n1:1')
    now = 60_000
    due?.()
    assert.equal(watch.isSilent('n1:1'), false)
    for (const at of [60_250, 60_500, 60_750]) {
      now = at
      due?.()
    }
    assert.equal(watch.isSilent('n1:1'), true)
  })
})

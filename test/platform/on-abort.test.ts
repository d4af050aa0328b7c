import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { onAbort } from '../../src/platform/on-abort.ts'

describe('onAbort', () => {
  it('adds one listener to a signal for all calls that share it, and does not call those that have ended', () => {
    const controller = new AbortController()
    const called: number[] = []
    const stops = Array.from({ length: 100 }, (_, call) => onAbort(controller.signal, () => called.push(call)))
    assert.equal(getEventListeners(controller.signal, 'abort').length, 1)
    for (const stop of stops.slice(1)) stop()
    controller.abort()
    assert.deepEqual(called, [0])
  })

  it('removes its listener when the last call ends', () => {
    const controller = new AbortController()
    const stops = [1, 2].map(() => onAbort(controller.signal, assert.fail))
    for (const stop of stops) stop()
    assert.equal(getEventListeners(controller.signal, 'abort').length, 0)
  })
})

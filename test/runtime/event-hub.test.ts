import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { EventHub } from '../../src/runtime/event-hub.ts'

describe('the event hub', () => {
  it('removes an observer that throws, and still calls the other observers', async () => {
    const seen: string[] = []
    const faulty = {
      event: () => {
        throw new Error('a faulty observer')
      },
    }
    const warning = new Promise<Error>((resolve) => process.once('warning', resolve))
    const hub = new EventHub('n1', [faulty, { event: (_, { type }) => seen.push(type) }], 10)
    hub.emit({ type: 'stopped' })
    hub.emit({ type: 'stopped' })
    assert.deepEqual(seen, ['stopped', 'stopped'])
    assert.match((await warning).message, /observer of n1 threw.*a faulty observer/)
  })

  it('publishes events to the subscribers of their channel, and of no other', () => {
    const seen: unknown[] = []
    const onMessage = (message: unknown): number => seen.push(message)
    subscribe('quorate:stopped', onMessage)
    const hub = new EventHub('n1', [], 10)
    hub.emit({ type: 'stopped' })
    hub.emit({ type: 'closing' })
    unsubscribe('quorate:stopped', onMessage)
    hub.emit({ type: 'stopped' })
    assert.deepEqual(seen, [{ node: 'n1', event: { type: 'stopped' } }])
  })
})

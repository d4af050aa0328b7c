import assert from 'node:assert/strict'
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
})

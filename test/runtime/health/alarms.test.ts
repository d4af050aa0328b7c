import assert from 'node:assert/strict'
import type { RuntimeEvent } from '../../../src/contracts/observer.ts'
import { Alarms } from '../../../src/runtime/health/alarms.ts'

describe('the alarms of a node', () => {
  let now: number
  let events: RuntimeEvent[]
  let alarms: Alarms

  beforeEach(() => {
    now = 0
    events = []
    alarms = new Alarms({ clock: { now: () => now }, emit: (event) => events.push(event) })
  })

  it('last until they are cleared, with their age and their latest details, and are events at the transitions', () => {
    alarms.raise({ code: 'SPACE_LOW', message: 'free space', details: { freeBytes: 2 } })
    now = 500
    alarms.raise({ code: 'SPACE_LOW', message: 'free space', details: { freeBytes: 1 } })
    const alarm = { code: 'SPACE_LOW', peer: undefined, forMs: 500, message: 'free space', details: { freeBytes: '1' } }
    assert.deepEqual(alarms.list, [alarm])
    alarms.clear('SPACE_LOW')
    alarms.clear('SPACE_LOW')
    assert.deepEqual(alarms.list, [])
    assert.deepEqual(events, [
      { type: 'alarmRaised', code: 'SPACE_LOW', message: 'free space' },
      { type: 'alarmCleared', code: 'SPACE_LOW', forMs: 500 },
    ])
  })

  it('are kept apart by peer', () => {
    for (const peer of ['n2', 'n3']) alarms.raise({ code: 'A', peer, message: '', details: {} })
    alarms.clear('A', 'n2')
    assert.deepEqual(
      alarms.list.map(({ peer }) => peer),
      ['n3'],
    )
  })

  it('are limited in number', () => {
    for (let n = 0; n < 100; n++) alarms.raise({ code: 'A', peer: `n${n}`, message: '', details: {} })
    assert.equal(alarms.list.length, 64)
  })
})

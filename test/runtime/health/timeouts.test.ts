/** Tests of the alarm TIMEOUT_UNSAFE, in virtual time. */
import assert from 'node:assert/strict'
import { Alarms } from '../../../src/runtime/health/alarms.ts'
import type { Delays } from '../../../src/runtime/health/timeouts.ts'
import { neededTimeoutMs, Timeouts } from '../../../src/runtime/health/timeouts.ts'
import { NodeClock, VirtualTime } from '../../../src/testing/simulation/virtual-clock.ts'

const NONE: Delays = { loopDelayMs: 0, writeMs: 0, response: undefined }

describe('the election timeout that delays need', () => {
  for (const { what, delays, neededMs } of [
    { what: 'nothing', delays: NONE, neededMs: 100 },
    { what: 'a blocked event loop, twice', delays: { ...NONE, loopDelayMs: 400, writeMs: 20 }, neededMs: 900 },
    { what: 'a slow write, twice', delays: { ...NONE, loopDelayMs: 10, writeMs: 250.2 }, neededMs: 601 },
    {
      what: 'a slow response, once',
      delays: { ...NONE, writeMs: 90, response: { peer: 'n2', ms: 200 } },
      neededMs: 300,
    },
  ])
    it(`holds a heartbeat interval and ${what}`, () => assert.equal(neededTimeoutMs(100, delays), neededMs))
})

describe('the alarm TIMEOUT_UNSAFE', () => {
  let delays: Delays
  let time: VirtualTime
  let alarms: Alarms
  const events: string[] = []
  beforeEach(() => {
    delays = NONE
    time = new VirtualTime()
    const clock = new NodeClock(time, { startMs: 0, ratePerMille: 1000 })
    events.length = 0
    alarms = new Alarms({ clock, emit: ({ type }) => events.push(type) })
    const options = { electionTimeoutMinMs: 750, heartbeatIntervalMs: 100 }
    new Timeouts({ clock, alarms, options, delays: () => delays }).start()
  })
  const advance = (ms: number): void => {
    const endUs = time.nowUs + 1000 * ms
    while (time.step(endUs));
  }
  const codes = (): string[] => alarms.list.map(({ code }) => code)

  it('is raised once the timeout has been too short for 30 s, and names the cause and a value', () => {
    delays = { ...NONE, loopDelayMs: 400 }
    advance(34_999)
    assert.deepEqual(codes(), [])
    advance(1)
    const [alarm] = alarms.list
    assert.match(
      alarm?.message ?? '',
      /^electionTimeoutMinMs is 750, too short for the delays of this node: its event loop was blocked for 400 ms; find out .* or set electionTimeoutMinMs to 900 or more on every node$/,
    )
    assert.deepEqual(alarm?.details, { electionTimeoutMinMs: '750', neededMs: '900' })
  })

  for (const { what, bad, words } of [
    { what: 'a slow disk', bad: { ...NONE, writeMs: 500 }, words: /: a durable write took 500 ms;/ },
    {
      what: 'a slow voter',
      bad: { ...NONE, writeMs: 100, response: { peer: 'n3', ms: 900 } },
      words: /: n3 took 900 ms to answer a heartbeat;/,
    },
  ])
    it(`names ${what}`, () => {
      delays = bad
      advance(60_000)
      assert.match(alarms.list[0]?.message ?? '', words)
    })

  it('is not raised by pauses with 30 s or more between them', () => {
    for (let pause = 0; pause < 5; pause++) {
      delays = { ...NONE, loopDelayMs: 5000 }
      advance(20_000)
      delays = NONE
      advance(15_000)
    }
    assert.deepEqual(events, [])
  })

  it('ends once the timeout has been long enough for 30 s', () => {
    delays = { ...NONE, loopDelayMs: 400 }
    advance(60_000)
    delays = NONE
    advance(30_000)
    assert.deepEqual(codes(), ['TIMEOUT_UNSAFE'])
    advance(5000)
    assert.deepEqual(codes(), [])
    assert.deepEqual(events, ['alarmRaised', 'alarmCleared'])
  })
})

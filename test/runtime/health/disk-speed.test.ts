import assert from 'node:assert/strict'
import { DiskSpeed } from '../../../src/runtime/health/disk-speed.ts'
import { NodeClock, VirtualTime } from '../../../src/testing/simulation/virtual-clock.ts'

describe('the speed of a disk', () => {
  let fixture: Fixture

  beforeEach(() => {
    fixture = new Fixture()
  })

  it('is the median of recent writes, and slow once it has been slow for a period', () => {
    fixture.write(1000, 1000)
    assert.deepEqual([fixture.reports.at(-1), fixture.alarms], [1000, []])
    fixture.write(1000, 1000, 1000)
    assert.deepEqual(fixture.alarms, ['raised'])
    fixture.write(1, 1, 1)
    assert.deepEqual([fixture.reports.at(-1), fixture.alarms], [1, ['raised']])
    fixture.write(...Array.from({ length: 4000 }, () => 1))
    assert.deepEqual(fixture.alarms, ['raised', 'cleared'])
  })

  it('keeps the slowest write for ten to twenty seconds', () => {
    fixture.write(1, 700, 3)
    assert.equal(fixture.speed.slowestMs, 700)
    fixture.advance(20_000)
    assert.equal(fixture.speed.slowestMs, 0)
  })

  it('is not slow if two of five writes are', () => {
    for (let round = 0; round < 10; round++) fixture.write(1, 1, 1, 1500, 1500)
    fixture.advance(10_000)
    assert.deepEqual([fixture.alarms, fixture.slowCalls], [[], 0])
    assert.equal(fixture.reports.at(-1), 1)
  })

  it('counts the age of a write in progress, every second until it ends', () => {
    fixture.speed.begin()
    fixture.advance(4100)
    assert.deepEqual([fixture.alarms, fixture.slowCalls], [[], 0])
    fixture.advance(2000)
    assert.deepEqual([fixture.alarms, fixture.slowCalls], [['raised'], 2])
    assert.ok(fixture.reports.length < 20)
  })

  it('does not count pauses of the event loop, whichever callback is the first after them', () => {
    for (let round = 0; round < 20; round++) {
      fixture.speed.begin()
      fixture.clock.pause()
      fixture.advance(1000)
      if (round % 2 === 0) fixture.speed.end()
      fixture.clock.resume()
      fixture.advance(1)
      fixture.speed.end()
    }
    assert.deepEqual([fixture.alarms, fixture.slowCalls], [[], 0])
    assert.ok(Math.max(...fixture.reports) <= 60)
  })

  it('needs no timer while nothing is written and the disk is fast', () => {
    fixture.write(1)
    fixture.advance(100)
    assert.equal(fixture.time.nextUs(), undefined)
  })
})

/** A speed with `slowDiskMs: 200` and `slowDiskPeriodMs: 4000`. */
class Fixture {
  readonly time = new VirtualTime()
  readonly clock = new NodeClock(this.time, { startMs: 0, ratePerMille: 1000 })
  readonly reports: number[] = [0]
  readonly alarms: string[] = []
  slowCalls = 0
  readonly speed = new DiskSpeed({
    ...{ clock: this.clock, slowDiskMs: 200, periodMs: 4000 },
    alarms: {
      raise: () => {
        if (this.alarms.at(-1) !== 'raised') this.alarms.push('raised')
      },
      clear: () => this.alarms.push('cleared'),
    },
    onTimed: (writeMs) => this.reports.push(writeMs),
    onSlow: () => {
      this.slowCalls++
    },
  })

  /** One write after the other, each of which takes so many milliseconds. */
  write(...times: readonly number[]): void {
    for (const ms of times) {
      this.speed.begin()
      this.advance(ms)
      this.speed.end()
    }
  }

  advance(ms: number): void {
    const endUs = this.time.nowUs + ms * 1000
    while (this.time.step(endUs));
  }
}

import assert from 'node:assert/strict'
import { SeededRandom } from '../../src/testing/simulation/seeded-random.ts'
import { NodeClock, VirtualTime } from '../../src/testing/simulation/virtual-clock.ts'

describe('a seeded random generator', () => {
  it('gives the same numbers for the same seed and others for another', () => {
    const draw = (seed: number): number[] => {
      const random = new SeededRandom(seed)
      return Array.from({ length: 5 }, () => random.next())
    }
    assert.deepEqual(draw(7), draw(7))
    assert.notDeepEqual(draw(7), draw(8))
  })

  it('covers a range evenly', () => {
    const random = new SeededRandom(1)
    const counts = new Array<number>(10).fill(0)
    for (let i = 0; i < 10_000; i++) {
      const value = random.below(10)
      counts[value] = (counts[value] as number) + 1
    }
    for (const count of counts) assert.ok(count > 850 && count < 1150, `${counts}`)
  })

  it('forks streams that do not affect each other', () => {
    const one = new SeededRandom(3)
    const other = new SeededRandom(3)
    other.next()
    assert.equal(one.fork('disk').next(), other.fork('disk').next())
    assert.notEqual(one.fork('disk').next(), one.fork('network').next())
  })
})

describe('simulated time', () => {
  it('executes events in the order of their times, then in the order in which they were scheduled', () => {
    const time = new VirtualTime()
    const executed: string[] = []
    for (const [atUs, name] of [
      [30, 'd'],
      [10, 'a'],
      [20, 'b'],
      [20, 'c'],
      [10, 'a2'],
    ] as const)
      time.at(atUs, () => executed.push(`${name}@${time.nowUs}`))
    while (time.step(100));
    assert.deepEqual(executed, ['a@10', 'a2@10', 'b@20', 'c@20', 'd@30'])
    assert.equal(time.nowUs, 100)
  })

  it('keeps the order of many random events', () => {
    const time = new VirtualTime()
    const random = new SeededRandom(5)
    let last = -1
    for (let i = 0; i < 2000; i++) {
      const at = random.below(500)
      const scheduled = time.at(at, () => {
        assert.ok(time.nowUs >= last)
        last = time.nowUs
      })
      if (random.chance(200)) scheduled.cancel()
    }
    while (time.step(1000));
    assert.ok(time.executed > 1400 && time.executed < 1800)
  })

  it('passes faster on a fast clock', () => {
    const time = new VirtualTime()
    const clock = new NodeClock(time, { startMs: 5, ratePerMille: 2000 })
    const woken: number[] = []
    clock.wakeAt(25, () => woken.push(time.nowUs))
    while (time.step(50_000));
    assert.deepEqual(woken, [10_000])
    assert.equal(clock.now(), 105)
  })

  it('wakes a paused clock when it resumes, and a stopped clock never', () => {
    const time = new VirtualTime()
    const clock = new NodeClock(time, { startMs: 0, ratePerMille: 1000 })
    const woken: string[] = []
    clock.wakeAt(1, () => woken.push(`one@${time.nowUs}`))
    clock.wakeAt(2, () => woken.push(`two@${time.nowUs}`))
    clock.wakeAt(9, () => woken.push(`nine@${time.nowUs}`))
    clock.pause()
    while (time.step(5000));
    clock.resume()
    while (time.step(6000));
    clock.stop()
    while (time.step(20_000));
    assert.deepEqual(woken, ['one@5000', 'two@5000'])
  })
})

import assert from 'node:assert/strict'
import type { Effects } from '../../../src/core/effects.ts'
import type { Input } from '../../../src/core/inputs.ts'
import type { EffectHandlers, RaftCore } from '../../../src/runtime/pipeline/driver.ts'
import { Driver } from '../../../src/runtime/pipeline/driver.ts'
import { Mailbox } from '../../../src/runtime/pipeline/mailbox.ts'
import { NodeClock, VirtualTime } from '../../../src/testing/simulation/virtual-clock.ts'
import { NO_EFFECTS } from '../../core/effects.ts'

describe('the driver', () => {
  it('passes all inputs of a turn to one step, and dispatches the effects in a fixed order', () => {
    const fixture = new Fixture()
    fixture.driver.start()
    fixture.driver.post({ type: 'applied', index: 1 })
    fixture.driver.post({ type: 'applied', index: 2 })
    fixture.effects = {
      ...NO_EFFECTS,
      persist: {} as never,
      send: [{} as never],
      apply: { from: 1, to: 2 },
      install: {} as never,
      fetch: { from: 'n2', leader: 'n2', snapshot: {} as never },
      takeSnapshot: true,
      settle: [{} as never],
      events: [{} as never],
    }
    fixture.time.step(0)
    assert.deepEqual(fixture.steps, ['', 'applied applied'])
    assert.deepEqual(
      fixture.calls.slice(-9),
      'persist settle events send install apply fetch takeSnapshot afterStep'.split(' '),
    )
  })

  it('steps the core at its wakeAt, and not at an earlier one that a later step has replaced', () => {
    const fixture = new Fixture()
    fixture.effects = { ...NO_EFFECTS, wakeAt: 100 }
    fixture.driver.start()
    fixture.effects = { ...NO_EFFECTS, wakeAt: 250 }
    fixture.driver.post({ type: 'applied', index: 1 })
    while (fixture.time.step(249_999));
    assert.deepEqual(fixture.steps, ['', 'applied'])
    while (fixture.time.step(250_000));
    assert.deepEqual(fixture.steps, ['', 'applied', 'timeout'])
  })

  it('replaces its timer when the core requests an earlier wakeAt', () => {
    const fixture = new Fixture()
    fixture.effects = { ...NO_EFFECTS, wakeAt: 1000 }
    fixture.driver.start()
    fixture.effects = { ...NO_EFFECTS, wakeAt: 50 }
    fixture.driver.post({ type: 'applied', index: 1 })
    while (fixture.time.step(50_000));
    assert.deepEqual(fixture.steps, ['', 'applied', 'timeout'])
  })

  it('stops when the core throws', () => {
    const fixture = new Fixture()
    fixture.driver.start()
    fixture.effects = undefined
    fixture.driver.post({ type: 'applied', index: 1 })
    fixture.driver.post({ type: 'applied', index: 2 })
    while (fixture.time.step(1000));
    assert.deepEqual(fixture.calls.slice(-1), ['onFatalError'])
    fixture.driver.post({ type: 'applied', index: 3 })
    while (fixture.time.step(2000));
    assert.equal(fixture.steps.length, 2)
  })
})

/** A driver with a core that returns `effects` (or throws if there are none), and handlers that record their calls. */
class Fixture {
  readonly time = new VirtualTime()
  readonly steps: string[] = []
  readonly calls: string[] = []
  readonly driver: Driver
  effects: Effects | undefined = NO_EFFECTS

  constructor() {
    const core = {
      step: (_: number, inputs: readonly Input[]) => {
        this.steps.push(inputs.map(({ type }) => type).join(' '))
        if (this.effects === undefined) throw new Error('a broken invariant')
        return inputs.some(({ type }) => type === 'timeout') ? NO_EFFECTS : this.effects
      },
    } as unknown as RaftCore
    const handlers = new Proxy({} as EffectHandlers, { get: (_, name) => () => void this.calls.push(String(name)) })
    const clock = new NodeClock(this.time, { startMs: 0, ratePerMille: 1000 })
    this.driver = new Driver({ core, clock, handlers, mailbox: new Mailbox({ messagesMax: 10, bytesMax: 1000 }) })
  }
}

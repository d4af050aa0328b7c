import assert from 'node:assert/strict'
import fc from 'fast-check'
import { LogTime, STEP_MS_MAX, type Stamp, Stamper } from '../../src/recipes/log-time.ts'
import { NodeClock, VirtualTime } from '../../src/testing/simulation/virtual-clock.ts'

const TTL_MS = 300

describe('the log time', () => {
  it('ends no lease before its time has passed, whatever arrives late and in whichever order', () => {
    const steps = fc.array(
      fc.record({
        client: fc.nat(2),
        passMs: fc.constantFrom(0, 1, 120, 400, 3000),
        action: fc.constantFrom('send' as const, 'apply' as const, 'receive' as const),
        at: fc.nat(3),
      }),
      { minLength: 5, maxLength: 120 },
    )
    fc.assert(
      fc.property(steps, (all) => {
        const network = new LateNetwork()
        for (const step of all) network.run(step)
      }),
      { numRuns: 500 },
    )
  })

  it('runs with the clock of a client that sends commands regularly', () => {
    const network = new LateNetwork()
    for (let ms = 0; ms < 10_000; ms += 250) {
      network.run({ client: 0, passMs: 250, action: 'send', at: 0 })
      network.run({ client: 0, passMs: 0, action: 'apply', at: 0 })
      network.run({ client: 0, passMs: 0, action: 'receive', at: 0 })
    }
    assert.ok(network.time.now >= 9000, `${network.time.now}`)
  })

  it('does not advance by a stamp that a client repeats', () => {
    const time = new LogTime()
    time.advance({ time: 0, elapsedMs: 700 })
    time.advance({ time: 0, elapsedMs: 700 })
    assert.equal(time.now, 700)
  })

  it('does not advance by more than a step at once', () => {
    const time = new LogTime()
    time.advance({ time: 0, elapsedMs: 1_000_000 })
    assert.equal(time.now, STEP_MS_MAX)
  })
})

interface Step {
  readonly client: number
  readonly passMs: number
  readonly action: 'send' | 'apply' | 'receive'
  /** Which of the messages that are on their way. */
  readonly at: number
}

/** Clients whose commands and results are on their way for any time. Every command starts a lease. */
class LateNetwork {
  readonly time = new LogTime()
  readonly #virtual = new VirtualTime()
  readonly #stampers = [0, 1, 2].map(
    () => new Stamper(new NodeClock(this.#virtual, { startMs: 0, ratePerMille: 1000 })),
  )
  readonly #commands: { readonly client: number; readonly stamp: Stamp }[] = []
  readonly #results: { readonly client: number; readonly time: number }[] = []
  readonly #leases: { readonly startedUs: number; readonly endsAt: number }[] = []

  run({ client, passMs, action, at }: Step): void {
    this.#virtual.step(this.#virtual.nowUs + passMs * 1000)
    if (action === 'send') this.#commands.push({ client, stamp: (this.#stampers[client] as Stamper).stamp() })
    if (action === 'apply') this.#apply(this.#commands.splice(at % Math.max(1, this.#commands.length), 1)[0])
    const result = action === 'receive' ? this.#results.splice(at % Math.max(1, this.#results.length), 1)[0] : undefined
    if (result !== undefined) this.#stampers[result.client]?.onResult(result.time)
  }

  #apply(command: { readonly client: number; readonly stamp: Stamp } | undefined): void {
    if (command === undefined) return
    this.time.advance(command.stamp)
    for (const { startedUs, endsAt } of this.#leases)
      assert.ok(this.time.now < endsAt || this.#virtual.nowUs - startedUs >= TTL_MS * 1000, 'the lease ended early')
    this.#leases.push({ startedUs: this.#virtual.nowUs, endsAt: this.time.endOfLease(TTL_MS) })
    this.#results.push({ client: command.client, time: this.time.now })
  }
}

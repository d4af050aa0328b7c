import assert from 'node:assert/strict'
import type { Arbitrary } from 'fast-check'
import fc from 'fast-check'
import type { LockCommand } from '../../src/recipes/index.ts'
import { LOCK_LIMITS, LockMachine, lockCodecs } from '../../src/recipes/index.ts'
import { checkStateMachine } from '../../src/testing/check-state-machine.ts'
import { LockModel } from './lock-model.ts'

const STAMP = { time: 0, elapsedMs: 0 }

describe('the lock machine', () => {
  it('passes every check of a state machine, and does the same as its model, in isolation and in clusters', async () => {
    const totals = await checkStateMachine(() => new LockMachine(), {
      commands: commands(),
      queries: fc.record({ type: fc.constant('holders' as const), name: fc.constantFrom('a', 'b') }),
      ...lockCodecs,
      model: () => new LockModel(),
      coverage: {
        resultKind: ({ type }) => type,
        results: ['held', 'waiting', 'busy', 'released', 'notHeld', 'refused'],
      },
      logs: 100,
      runs: 6,
    })
    assert.deepEqual(totals.histories, { linearizable: 6, undecided: 0 })
    assert.deepEqual(totals.coverage.warnings, [])
  }).timeout(60_000)

  it('gives the lock to the waiters in the order in which they came', () => {
    const locks = new Locks()
    locks.acquire('ann')
    locks.acquire('bob')
    locks.acquire('cid')
    locks.release('ann')
    assert.equal(locks.acquire('cid').type, 'waiting')
    assert.equal(locks.acquire('bob').type, 'held')
  })

  it('gives a larger token to every new holder, and keeps that of a holder that asks again', () => {
    const locks = new Locks()
    assert.deepEqual([locks.token('ann'), locks.token('ann')], [1, 1])
    locks.release('ann')
    assert.equal(locks.token('bob'), 2)
  })

  it('frees the lock of a holder that does not renew, and the place of an owner that does not ask again', () => {
    const locks = new Locks()
    locks.acquire('ann')
    locks.acquire('bob')
    locks.pass(5000)
    assert.equal(locks.acquire('cid').type, 'held')
    assert.deepEqual(locks.machine.query({ type: 'holders', name: 'a' }), {
      ...{ type: 'holders', holders: [{ owner: 'cid', token: 2 }], waiting: 0 },
    })
  })

  it('refuses what is beyond its bounds, and accepts it when leases have ended', () => {
    const locks = new Locks()
    for (let at = 0; at < LOCK_LIMITS.locksMax; at++) locks.acquire('ann', `${at}`)
    assert.deepEqual(locks.acquire('ann', 'one more'), {
      ...{ type: 'refused', reason: 'too many locks', time: 0 },
      message: '10000 locks are held or waited for (locksMax)',
    })
    for (let at = 0; at < LOCK_LIMITS.waitersMax; at++) locks.acquire(`bob ${at}`, '0')
    assert.deepEqual(locks.acquire('cid', '0'), {
      ...{ type: 'refused', reason: 'too many waiters', time: 0 },
      message: "256 owners wait for lock '0' (waitersMax)",
    })
    locks.pass(5000)
    assert.equal(locks.acquire('ann', 'one more').type, 'held')
  })

  it('refuses bytes that are no command, and rejects them before they are proposed', () => {
    const decode = (text: string) => new LockMachine().apply(lockCodecs.codec.decode(new TextEncoder().encode(text)))
    const reasons = ['{"v":2}', '{"v":1}', '[', 'null', '{"v":1,"type":"release"}', '{"v":1,"type":"__proto__"}'].map(
      (text) => decode(text),
    )
    assert.deepEqual(new Set(reasons.map(({ type }) => type)), new Set(['refused']))
    const command = { type: 'release', name: '', owner: 'ann', stamp: STAMP } as const
    assert.throws(() => lockCodecs.codec.encode(command), {
      ...{ code: 'ERR_RAFT_OPTIONS', message: 'bad command: name must have 1 to 256 characters, not 0' },
    })
  })

  it('restores no snapshot that is damaged, cut short or of another recipe', async () => {
    const locks = new Locks()
    locks.acquire('ann')
    const text = [...locks.machine.snapshot()].map((chunk) => new TextDecoder().decode(chunk)).join('')
    const damaged = [text.replace('ann', 'bob'), text.slice(0, -20), text.replace('"lock"', '"queue"'), '']
    for (const each of damaged) {
      const chunks = (async function* () {
        yield new TextEncoder().encode(each)
      })()
      await assert.rejects(new LockMachine().restore(chunks), { code: 'ERR_RAFT_CORRUPT' })
    }
  })
})

/** A machine with one client that has seen every result. */
class Locks {
  readonly machine = new LockMachine()
  #time = 0

  acquire(owner: string, name = 'a') {
    return this.machine.apply({
      ...{ type: 'acquire', name, owner, ttlMs: 1000, permits: 1, wait: true, stamp: STAMP },
    })
  }

  token(owner: string): number | undefined {
    const result = this.acquire(owner)
    return result.type === 'held' ? result.token : undefined
  }

  release(owner: string): void {
    this.machine.apply({ type: 'release', name: 'a', owner, stamp: STAMP })
  }

  pass(ms: number): void {
    for (const end = this.#time + ms; this.#time < end; ) {
      const stamp = { time: this.#time, elapsedMs: 1000 }
      this.#time = this.machine.apply({ type: 'release', name: 'none', owner: 'none', stamp }).time
    }
  }
}

function commands(): Arbitrary<LockCommand> {
  const owned = {
    name: fc.constantFrom('a', 'a', 'b'),
    owner: fc.constantFrom('ann', 'bob', 'cid'),
    stamp: fc.record({ time: fc.constantFrom(0, 0, 1000, 1000, 2000), elapsedMs: fc.constantFrom(0, 50, 1000, 2000) }),
  }
  const ttlMs = fc.constantFrom(100, 900)
  const permits = fc.constantFrom(1, 1, 1, 2)
  const acquire = fc.record({ type: fc.constant('acquire' as const), ...owned, ttlMs, permits, wait: fc.boolean() })
  return fc.oneof(
    acquire,
    acquire,
    fc.record({ type: fc.constant('renew' as const), ...owned, ttlMs }),
    fc.record({ type: fc.constant('release' as const), ...owned }),
  )
}

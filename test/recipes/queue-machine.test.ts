import assert from 'node:assert/strict'
import type { Arbitrary } from 'fast-check'
import fc from 'fast-check'
import type { QueueCommand } from '../../src/recipes/index.ts'
import { QUEUE_LIMITS, QueueMachine, queueCodecs } from '../../src/recipes/index.ts'
import { checkStateMachine } from '../../src/testing/check-state-machine.ts'
import { QueueModel } from './queue-model.ts'

const stamp = { time: 0, elapsedMs: 0 }

describe('the queue machine', () => {
  it('passes every check of a state machine, and does the same as its model, in isolation and in clusters', async () => {
    const totals = await checkStateMachine(() => new QueueMachine(), {
      commands: commands(),
      queries: fc.constantFrom({ type: 'counts' as const }, { type: 'deadJobs' as const, limit: 2 }),
      ...queueCodecs,
      model: () => new QueueModel(),
      coverage: { resultKind: ({ type }) => type, results: ['pushed', 'taken', 'empty', 'done', 'notHeld', 'notDead'] },
      logs: 100,
      runs: 6,
    })
    assert.deepEqual(totals.histories, { linearizable: 6, undecided: 0 })
    assert.deepEqual(totals.coverage.warnings, [])
  }).timeout(60_000)

  it('gives a job again when its lease ends, and lists it as dead after its last attempt', () => {
    const queue = new Queue()
    queue.push('a', 2)
    assert.deepEqual(queue.take('ann'), { type: 'taken', id: 'a', payload: 'do a', attempt: 1, token: 2, time: 0 })
    queue.pass(5000)
    assert.equal(queue.take('bob').type, 'taken')
    queue.pass(5000)
    assert.equal(queue.take('cid').type, 'empty')
    assert.deepEqual(queue.machine.query({ type: 'deadJobs', limit: 10 }), {
      ...{ type: 'deadJobs', jobs: [{ id: 'a', payload: 'do a', attempts: 2 }] },
    })
  })

  it('accepts no ack of a worker whose lease has ended', () => {
    const queue = new Queue()
    queue.push('a', 9)
    queue.take('ann')
    queue.pass(5000)
    queue.take('bob')
    assert.equal(queue.apply({ type: 'ack', id: 'a', token: 2, stamp }).type, 'notHeld')
  })

  it('refuses jobs beyond its bounds', () => {
    const full = new Queue()
    for (let at = 0; at < QUEUE_LIMITS.jobsMax; at++) full.push(`${at}`)
    assert.deepEqual(full.push('one more'), {
      ...{ type: 'refused', reason: 'too many jobs', message: 'the queue has 100000 jobs (jobsMax)', time: 0 },
    })
    const dead = new Queue()
    for (let at = 0; at < QUEUE_LIMITS.deadJobsMax; at++) {
      dead.push(`${at}`, 1)
      const taken = dead.take('ann')
      if (taken.type === 'taken') dead.apply({ type: 'retry', id: taken.id, token: taken.token, stamp })
    }
    assert.equal(reasonOf(dead.push('one more')), 'too many dead jobs')
    dead.apply({ type: 'discard', id: '0', stamp })
    assert.equal(dead.push('one more').type, 'pushed')
    const heavy = new Queue()
    const payload = 'x'.repeat(QUEUE_LIMITS.payloadLengthMax / 2)
    heavy.push('a', 1, payload)
    assert.equal(reasonOf(heavy.push('b', 1, payload)), 'too many bytes')
  }).timeout(60_000)
})

function reasonOf(result: ReturnType<QueueMachine['apply']>): string | undefined {
  return result.type === 'refused' ? result.reason : undefined
}

/** A machine with one client that has seen every result. */
class Queue {
  readonly machine = new QueueMachine()
  #time = 0

  apply(command: QueueCommand) {
    return this.machine.apply(command)
  }

  push(id: string, attempts = 1, payload = `do ${id}`) {
    return this.apply({ type: 'push', id, payload, attempts, stamp })
  }

  take(worker: string) {
    return this.apply({ type: 'take', worker, leaseMs: 1000, stamp })
  }

  pass(ms: number): void {
    for (const end = this.#time + ms; this.#time < end; ) {
      const passed = { time: this.#time, elapsedMs: 1000 }
      this.#time = this.apply({ type: 'discard', id: 'none', stamp: passed }).time
    }
  }
}

function commands(): Arbitrary<QueueCommand> {
  const common = {
    id: fc.constantFrom('a', 'b', 'c'),
    stamp: fc.record({ time: fc.constantFrom(0, 0, 1000, 1000, 2000), elapsedMs: fc.constantFrom(0, 50, 1000, 2000) }),
  }
  const token = fc.constantFrom(2, 3, 4, 5)
  const leaseMs = fc.constantFrom(100, 900)
  const push = fc.record({
    ...{ type: fc.constant('push' as const), ...common },
    payload: fc.constantFrom<unknown>(null, 'x', { y: [1] }),
    attempts: fc.constantFrom(1, 1, 2),
  })
  const { stamp: stamps } = common
  const worker = fc.constantFrom('ann', 'bob', 'cid')
  const take = fc.record({ type: fc.constant('take' as const), worker, leaseMs, stamp: stamps })
  const settle = fc.record({
    type: fc.constantFrom('ack' as const, 'retry' as const, 'retry' as const),
    ...common,
    token,
  })
  return fc.oneof(
    ...[push, push, take, take, settle, settle],
    fc.record({ type: fc.constant('renew' as const), ...common, token, leaseMs }),
    fc.record({ type: fc.constantFrom('requeue' as const, 'discard' as const), ...common }),
  )
}

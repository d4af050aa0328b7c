/** checkStateMachine detects that snapshot(), digest(), query() or the invariant changes what a state machine does later. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { bytesCodec } from '../../src/platform/json-codec.ts'
import { checkStateMachine } from '../../src/testing/check-state-machine.ts'
import { LEADER, machineUnderTest, simulate } from '../../src/testing/index.ts'
import { faultOf } from './fault-of.ts'
import { Sum } from './importable-machines.ts'
import type { Command, Result, Saved } from './job-queue.ts'
import { commands, JobQueue } from './job-queue.ts'

const CHECK = { commands, runs: 0 }

const RESTART = { type: 'crash', atMs: 1200, node: LEADER, isHard: true, forMs: 300 } as const

/** What is in an outbox that a snapshot empties. */
class DrainingQueue extends JobQueue {
  outbox: string[] = []

  override apply(command: Command): Result {
    this.outbox.push(command.type)
    return [super.apply(command), this.outbox.length]
  }

  override snapshot(): Uint8Array[] {
    const { outbox } = this
    this.outbox = []
    return [Buffer.from(JSON.stringify({ ...this.state, outbox }))]
  }

  override load(saved: Saved & { readonly outbox?: string[] }): void {
    super.load(saved)
    this.outbox = saved.outbox ?? []
  }
}

/** A snapshot sorts the list of the machine itself. */
class SortingQueue extends JobQueue {
  override get state(): object {
    this.ready.sort((one, other) => (this.jobs.get(other)?.priority ?? 0) - (this.jobs.get(one)?.priority ?? 0))
    return super.state
  }
}

/** A digest counts the jobs that came since the last one. */
class CountingQueue extends JobQueue {
  known = 0

  digest(): string {
    this.known = this.lastId
    return String(this.lastId)
  }

  override expire(atMs: number): Result {
    return [super.expire(atMs), this.lastId - this.known]
  }
}

/** A query builds an index that only commands use. */
class IndexedQueue extends JobQueue {
  index: Map<string, number> | undefined

  query(_question: string): number {
    this.index = new Map([...this.jobs].map(([id, { payload }]) => [payload, id]))
    return this.jobs.size
  }

  override enqueue(payload: string, priority: number): Result {
    return [super.enqueue(payload, priority), this.index?.has(payload) ?? 'not asked']
  }
}

/** A query returns bytes that commands change. */
class LastJob extends JobQueue {
  readonly last = new Uint8Array(1)

  query(_question: string): Uint8Array {
    this.last[0] = this.lastId
    return this.last
  }

  override enqueue(payload: string, priority: number): Result {
    const id = super.enqueue(payload, priority)
    this.last[0] = this.lastId
    return id
  }
}

describe('checkStateMachine detects an effect of', () => {
  const detects = (
    what: string,
    make: () => JobQueue,
    message: RegExp,
    commandsMax: number,
    options: object = {},
  ): void => {
    it(what, async () => {
      const fault = await faultOf(checkStateMachine(make, { ...CHECK, ...options }))
      assert.match(fault.message, message)
      assert.ok(fault.commands <= commandsMax, fault.message)
    })
  }

  detects(
    'a snapshot, which empties a list',
    () => new DrainingQueue(),
    /^after command \d the snapshot is .*, but it was .* the first time\. .*snapshot\(\) must not change the state\.\n/,
    2,
  )
  detects(
    'a snapshot, which sorts a list',
    () => new SortingQueue(),
    /^command 3 returns .* if snapshot\(\) was called before, but .* if it was not\. .*snapshot\(\) must not change the state\.\n/,
    3,
  )
  detects(
    'a digest',
    () => new CountingQueue(),
    /^command 2 returns \[0,0\] if digest\(\) was called before, but \[0,1\] if it was not\. .*it must not change the state\.\n/,
    2,
  )
  detects(
    'a query, on the results of commands',
    () => new IndexedQueue(),
    /^command \d returns .* if query\(\) was called before, but .* if it was not\. A query runs on one node only/,
    1,
    { queries: fc.constant('jobs') },
  )
  detects(
    'a command, on the bytes of an answer',
    () => new LastJob(),
    /^the answer of query\(\) of 'last' after command 0 was changed by a later command \(up to command 1\), while it is being sent\. /,
    1,
    { queries: fc.constant('last'), answerCodec: bytesCodec },
  )
  detects(
    'the invariant, which repairs the state',
    () => new JobQueue(),
    /^(command \d returns|after command \d the snapshot is) .* if the invariant was called before, but .* if it was not\. .*the invariant must not change the machine\.\n/,
    1,
    { invariant: (queue: JobQueue) => void queue.locks.clear() },
  )

  it('no answer that is encoded at once, though commands change the object', async () => {
    class Shared extends JobQueue {
      query(_question: string): unknown {
        return this.ready
      }
    }
    await checkStateMachine(() => new Shared(), { ...CHECK, logs: 20, queries: fc.constant('ready') })
  })
})

describe('an invariant', () => {
  it('is checked in the initial state, before any command', async () => {
    const invariant = ({ lastId }: JobQueue): boolean => lastId > 0
    const fault = await faultOf(checkStateMachine(() => new JobQueue(), { ...CHECK, invariant }))
    assert.match(fault.message, /^in the initial state the invariant does not hold: .*\n\nNo command is needed\./)
  })

  it('is checked in a cluster in the initial state and after a restore', async () => {
    const failureOf = async (invariant: (sum: Sum) => unknown): Promise<string> => {
      const machine = machineUnderTest({ make: () => new Sum(), command: () => 1, invariant })
      const writes = [400, 600, 800, 1000].map((atMs) => ({ type: 'write', atMs, node: LEADER, count: 8 }) as const)
      const { failure } = await simulate({ seed: 1, machine, workload: writes, faults: [RESTART] })
      return String(failure)
    }
    assert.match(
      await failureOf(({ total }) => total > 0),
      /^MachineFault: in the initial state the invariant does not hold: /,
    )
    // Only a restore changes the sum by more than one command does.
    const last = new WeakMap<Sum, number>()
    const invariant = (sum: Sum): boolean => {
      const isRestored = sum.total > (last.get(sum) ?? 0) + 1
      last.set(sum, sum.total)
      return !isRestored
    }
    assert.match(await failureOf(invariant), /: after a restore the invariant does not hold: /)
  })
})

describe('checkStateMachine rejects an invariant', () => {
  for (const [what, invariant] of Object.entries({
    'that resolves to false': async (): Promise<boolean> => false,
    'that rejects': async (): Promise<never> => assert.fail('two owners'),
  }))
    it(what, async () => {
      const fault = await faultOf(checkStateMachine(() => new JobQueue(), { ...CHECK, invariant }))
      assert.match(
        fault.message,
        /the invariant does not hold: invariant\(\) returned a promise: it must be synchronous\n/,
      )
    })
})

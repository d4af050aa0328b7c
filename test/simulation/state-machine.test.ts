import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import type { StateMachine } from '../../src/contracts/state-machine.ts'
import { checkStateMachine, replayStateMachine } from '../../src/testing/check-state-machine.ts'
import {
  BufferReuser,
  calling,
  IncompleteSnapshotAfter,
  InstanceDependent,
  LateSnapshot,
  ListMachine,
  neverEndingChunks,
  OneSnapshotAtATime,
  QueryableSum,
  restoring,
  StaticState,
  snapshotOf,
} from './faulty-machines.ts'
import { Endless, Sum, TimeZoneDependent } from './importable-machines.ts'

const SMALL_CHECK = { commands: fc.nat(4), logs: 10, shrinksMax: 50, deadlineMs: 60 }

const QUERY_CHECK = { ...SMALL_CHECK, queries: fc.constant('total') }

describe('a user tries a state machine', () => {
  it('that answers queries, and is told how many histories were judged, and how many were given up', async () => {
    const machine = (): QueryableSum => new QueryableSum(({ total }) => total)
    const judged = await checkStateMachine(machine, { ...QUERY_CHECK, runs: 5 })
    assert.deepEqual(judged.histories, { linearizable: 5, undecided: 0 })
    const hasty = await checkStateMachine(machine, { ...QUERY_CHECK, runs: 2, stepsMax: 1 })
    assert.deepEqual(hasty.histories, { linearizable: 0, undecided: 2 })
  })

  it('that is one, and finds nothing', async () => {
    const totals = await checkStateMachine(() => new Sum(), { ...SMALL_CHECK, runs: 10 })
    assert.ok(totals.commits > 50)
    assert.ok((totals.eventCounts.get('snapshotInstalled') ?? 0) > 0)
  })

  it('and is told the smallest log, and how to run it again', async () => {
    const machine = (): Sum => new (IncompleteSnapshotAfter(2))()
    await assert.rejects(checkStateMachine(machine, { ...SMALL_CHECK, seed: 5 }), (error: Error) => {
      assert.match(error.message, /The commands that show it:\n {2}1 {2}0\n {2}2 {2}0\n {2}3 {2}0\n\n/)
      assert.match(error.message, /To run it again: checkStateMachine\(…, \{ seed: 5 \}\)$/)
      return true
    })
  })

  it('and has the clock, chance and the timers back afterwards', async () => {
    const before = [Date, Date.now, Math.random, setTimeout, process.hrtime, Intl.NumberFormat, randomUUID]
    await assert.rejects(checkStateMachine(() => new (calling(() => Date.now()))(), SMALL_CHECK))
    const after = [Date, Date.now, Math.random, setTimeout, process.hrtime, Intl.NumberFormat, randomUUID]
    assert.deepEqual(after, before)
  })
})

describe('a state machine that asks for what differs from node to node is told which call', () => {
  const calls: Readonly<Record<string, () => unknown>> = {
    'Date.now()': () => Date.now(),
    'new Date()': () => new Date(),
    'performance.now()': () => performance.now(),
    'process.hrtime()': () => process.hrtime(),
    'process.hrtime.bigint()': () => process.hrtime.bigint(),
    'Math.random()': () => Math.random(),
    'crypto.randomUUID()': () => crypto.randomUUID(),
    'crypto.getRandomValues()': () => crypto.getRandomValues(new Uint8Array(1)),
    'setTimeout()': () => setTimeout(() => {}, 1),
    'setImmediate()': () => setImmediate(() => {}),
    'toLocaleString() of Number': () => (5).toLocaleString(),
    'toLocaleUpperCase()': () => 'i'.toLocaleUpperCase(),
    'localeCompare()': () => 'a'.localeCompare('b'),
    'toLocaleDateString() of a Date': () => new Date(0).toLocaleDateString('en'),
    'getHours() of a Date': () => new Date(0).getHours(),
    'Intl.Collator()': () => new Intl.Collator(),
    'Intl.DateTimeFormat()': () => new Intl.DateTimeFormat('en'),
  }
  for (const [written, call] of Object.entries(calls))
    it(written, async () => {
      const words = `apply() of command 1 calls ${written}. `
      await assert.rejects(
        checkStateMachine(() => new (calling(call))(), SMALL_CHECK),
        startsWith(words),
      )
    })

  it('also by its name in node:crypto', async () => {
    const machine = (): Sum => new (calling(() => randomUUID()))()
    await assert.rejects(
      checkStateMachine(machine, SMALL_CHECK),
      /calls crypto\.randomUUID\(\)\. .*put it into the command/,
    )
  })

  it('also if it catches what is thrown at it', async () => {
    const sly = calling(() => {
      try {
        return Date.now()
      } catch {
        return 0
      }
    })
    await assert.rejects(
      checkStateMachine(() => new sly(), SMALL_CHECK),
      /put the time into the command before it is/,
    )
  })

  it('in snapshot() and, after a while, in restore()', async () => {
    class Stamped extends Sum {
      override *snapshot(): Iterable<Uint8Array> {
        yield Buffer.from(String(Date.now()))
      }
    }
    class Dated extends Sum {
      override async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
        await super.restore(chunks)
        this.total += Date.now()
      }
    }
    await assert.rejects(
      checkStateMachine(() => new Stamped(), SMALL_CHECK),
      /^MachineFault: snapshot\(\) after command 0 calls/,
    )
    await assert.rejects(
      checkStateMachine(() => new Dated(), SMALL_CHECK),
      /^MachineFault: restore\(\) of the snapshot after/,
    )
  })

  it('and may name the time zone and the locale', async () => {
    const told = calling(() => new Date(0).toLocaleString('en', { timeZone: 'UTC' }) + (5).toLocaleString('en'))
    await checkStateMachine(() => new told(), { ...SMALL_CHECK, logs: 2, runs: 0 })
  })
})

describe('a state machine that is none is told what is wrong and what to do', () => {
  const faulty: Readonly<Record<string, readonly [() => StateMachine<number, unknown>, RegExp]>> = {
    'it depends on more than its commands': [
      () => new InstanceDependent(),
      /^command 1 has the result .* apply\(\) must be deterministic/,
    ],
    'its state is in a variable of the class': [
      () => new StaticState(),
      /holds .* keep all state in fields of the machine/,
    ],
    'it throws in apply': [
      () => new (calling(() => assert.fail('no')))(),
      /^apply\(\) of command 1 threw AssertionError.* no\n[\s\S]*a refusal is a result, not an exception/,
    ],
    'it throws in snapshot when it is empty': [
      () => new (snapshotOf((total) => (total === 0 ? assert.fail('empty') : [])))(),
      /^snapshot\(\) after command 0 threw [\s\S]*No command is needed for it/,
    ],
    'it throws in restore': [
      () => new (restoring(() => assert.fail('no')))(),
      /^restore\(\) of the snapshot after command 0 threw [\s\S]*take what snapshot\(\) has given/,
    ],
    'apply returns a promise': [
      () => new (calling(() => Promise.reject(new Error('late'))))(),
      /^apply\(\) returned a promise for command 1: it must be done when it returns/,
    ],
    'snapshot returns a promise': [
      () => new (snapshotOf(() => Promise.resolve([]) as never))(),
      /returned a promise: return the chunks themselves/,
    ],
    'snapshot returns a text': [() => new (snapshotOf(() => 'text' as never))(), /a text: return chunks of bytes/],
    'snapshot returns bare bytes': [() => new (snapshotOf(() => Buffer.from('1') as never))(), /return `\[bytes\]`/],
    'snapshot hands out texts': [
      () => new (snapshotOf(() => ['text'] as never))(),
      /handed out string text as a chunk/,
    ],
    'snapshot never settles': [
      () => new (snapshotOf(() => neverEndingChunks()))(),
      /^snapshot\(\) after command 0 did not end within 60 ms \(deadlineMs\)/,
    ],
    'restore never settles': [
      () => new (restoring(() => new Promise(() => {})))(),
      /^restore\(\) of the snapshot after command 0 did not end within 60 ms/,
    ],
    'a result does not survive JSON': [
      () => new (calling(() => ({ average: Number.NaN })))(),
      /^the result of command 1 does not survive its codec: at \.average, NaN comes out as null/,
    ],
    'a result cannot be JSON': [
      () => new (calling(() => 5n))(),
      /^the result of command 1 cannot be encoded and decoded \(.*BigInt/,
    ],
    'restore adds instead of replacing': [
      () =>
        new (restoring((machine, total) => {
          machine.total += total
        }))(),
      /restore\(\) must replace the whole state .* what was there before must go/,
    ],
    'a snapshot forgets what later results depend on': [
      () => new (IncompleteSnapshotAfter(2))(),
      /^restored from the snapshot after command \d, the machine gives .* without a restart/,
    ],
    'a later command shows in a snapshot': [
      () => new LateSnapshot(),
      /snapshot\(\) must hand out the state as of its call/,
    ],
    'two snapshots are read at once': [
      () => new OneSnapshotAtATime(),
      /of two snapshots that are read at once one differs/,
    ],
    'bytes of a snapshot change later': [() => new BufferReuser(), /changed bytes that snapshot\(\) had handed out/],
  }
  for (const [what, [machine, words]] of Object.entries(faulty))
    it(what, async () => {
      await assert.rejects(checkStateMachine(machine, SMALL_CHECK), (error: Error) => {
        assert.match(error.message, words)
        return true
      })
    })

  it('it changes the command that it is given', async () => {
    class Changer extends ListMachine {
      override apply(items: number[]): number {
        items.push(0)
        return items.length
      }
    }
    const lists = { ...SMALL_CHECK, commands: fc.array(fc.nat(3), { maxLength: 3 }) }
    await assert.rejects(
      checkStateMachine(() => new Changer(), lists),
      /apply\(\) changed command 1 that it was given/,
    )
  })

  it('it keeps a command and changes it later', async () => {
    class Keeper extends ListMachine {
      override apply(items: number[]): number {
        this.kept?.push(0)
        this.kept = items
        return 0
      }
    }
    const lists = { ...SMALL_CHECK, commands: fc.array(fc.nat(3), { maxLength: 3 }) }
    await assert.rejects(
      checkStateMachine(() => new Keeper(), lists),
      /command 1 was kept, and changed by a later one/,
    )
  })

  it('it hands out a result and changes it later', async () => {
    class Sharer extends Sum {
      readonly seen: number[] = []
      override apply(add: number): unknown {
        this.seen.push(add)
        return this.seen
      }
    }
    await assert.rejects(
      checkStateMachine(() => new Sharer(), SMALL_CHECK),
      /the result of command 1 was changed by a later/,
    )
  })

  it('its commands do not survive their codec', async () => {
    const commands = fc.date({ noInvalidDate: true })
    const machine = (): StateMachine<Date, unknown> => new Sum() as never
    await assert.rejects(
      checkStateMachine(machine, { ...SMALL_CHECK, commands }),
      /^MachineFault: command 1 does not survive/,
    )
  })

  it('its query changes the state', async () => {
    const machine = (): QueryableSum => new QueryableSum((asked) => asked.total++)
    await assert.rejects(
      checkStateMachine(machine, QUERY_CHECK),
      /^MachineFault: query\(\) of 'total' changed the state, from 0 to 1/,
    )
  })

  it('its query answers from what is not in the snapshot', async () => {
    const machine = (): QueryableSum => new QueryableSum((asked) => asked.applied)
    await assert.rejects(checkStateMachine(machine, QUERY_CHECK), /what answers depend on must be in the snapshot/)
  })

  it('its query returns a promise, throws, or answers what does not survive', async () => {
    const rejects = (query: () => unknown, words: RegExp): Promise<void> =>
      assert.rejects(
        checkStateMachine(() => new QueryableSum(query), QUERY_CHECK),
        words,
      )
    await rejects(async () => 1, /query\(\) of 'total' after command 0 returned a promise/)
    await rejects(() => assert.fail('no'), /query\(\) of 'total' after command 0 threw AssertionError/)
    await rejects(() => new Map(), /gives what does not survive its codec/)
  })

  it('its query answers from a cache that is not cleared, and is told the history', async () => {
    const machine = (): QueryableSum => {
      let cached: { readonly total: number } | undefined
      return new QueryableSum((asked) => {
        cached ??= { total: asked.total }
        return cached.total
      })
    }
    await assert.rejects(
      checkStateMachine(machine, { ...QUERY_CHECK, shrinksMax: 0 }),
      /M1 linearizable calls is violated: [\s\S]*The history is not linearizable[\s\S]*query\(.*total.*\)/,
    )
  })

  it('it goes wrong only in a cluster, and is told the run', async () => {
    class ByTerm extends Sum {
      override apply(add: number, { index }: { readonly index: number }): unknown {
        if (index > 8 && this.total > 0 && index % 2 === 0) throw new Error('even is too many')
        return super.apply(add)
      }
    }
    const check = { ...SMALL_CHECK, logEntriesMax: 8, shrinksMax: 5, commands: fc.constant(1) }
    const machine = (): ByTerm => new ByTerm()
    const error = await checkStateMachine(machine, check).catch((reason: Error) => reason)
    assert.ok(error instanceof Error)
    assert.match(error.message, /even is too many/)
    const [, file = '', again] =
      /The run file is (.+)\. To replay it in a test: (.+) with its text/.exec(error.message) ?? []
    assert.equal(again, 'replayStateMachine(…, { seed: 1 }, text)')
    const text = await readFile(file, 'utf8')
    const whole = await replayStateMachine(machine, check, text)
    assert.match(String(whole.failure), /even is too many/)
    assert.equal(whole.isSame, true)
    const begun = await replayStateMachine(machine, check, text, { event: whole.event - 1 })
    assert.equal(begun.failure, undefined)
    const mended = await replayStateMachine(() => new Sum(), check, text)
    assert.equal(mended.failure, undefined)
  })
})

describe('a state machine that is tried in another process too', () => {
  const module = new URL('./importable-machines.ts', import.meta.url).href
  const there = { ...SMALL_CHECK, runs: 0, deadlineMs: 1000 }

  it('gives the same results and snapshots there, and nothing is left out', async () => {
    const inAnotherProcess = { module, machine: 'makeSum' }
    const { notChecked } = await checkStateMachine(() => new Sum(), { ...there, childProcess: inAnotherProcess })
    assert.deepEqual(notChecked, ['what query() answers, if there is one: give queries'])
  })

  it('is told if it goes by the time zone of its process', async () => {
    const inAnotherProcess = { module, machine: 'Zoned' }
    await assert.rejects(
      checkStateMachine(() => new TimeZoneDependent(), { ...there, childProcess: inAnotherProcess }),
      /command 1 has the result .* in this process, and "\d Pacific\/Chatham" in another one\. It had TZ=/,
    )
  })

  it('is told if a command never ends', async () => {
    const inAnotherProcess = { module, machine: 'Endless' }
    await assert.rejects(
      checkStateMachine(() => new Endless(), { ...there, childProcess: inAnotherProcess }),
      /^MachineFault: apply\(\) of command \d+ did not end within 1000 ms \(deadlineMs\) in another process[\s\S]* {2}1 {2}\d/,
    )
  })

  it('is told if it is not found there', async () => {
    const inAnotherProcess = { module, machine: 'Nobody' }
    await assert.rejects(
      checkStateMachine(() => new Sum(), { ...there, childProcess: inAnotherProcess }),
      /the other process could not try .*machines-elsewhere.ts: [\s\S]*it exports no class and no function named Nobody/,
    )
  })

  it('is told what was left out without', async () => {
    const { notChecked } = await checkStateMachine(() => new Sum(), there)
    assert.match(notChecked.join('; '), /loops that never end, and another process: give inAnotherProcess/)
  })
})

function startsWith(words: string): (error: Error) => true {
  return (error) => {
    assert.equal(error.message.slice(0, words.length), words)
    return true
  }
}

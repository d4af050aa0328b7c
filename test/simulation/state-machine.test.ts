/** checkStateMachine accepts correct state machines, and reports what is wrong with faulty ones. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import type { StateMachine } from '../../src/contracts/state-machine.ts'
import { checkStateMachine, replayStateMachine } from '../../src/testing/check-state-machine.ts'
import { faultOf } from './fault-of.ts'
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
  SnapshotAfterAwait,
  StaticState,
  snapshotOf,
} from './faulty-machines.ts'
import { Endless, HostDependent, Sum, TimeZoneDependent } from './importable-machines.ts'

const SMALL_CHECK = { commands: fc.nat(4), logs: 10, shrinksMax: 50, deadlineMs: 60 }

const QUERY_CHECK = { ...SMALL_CHECK, queries: fc.constant('total') }

describe('checkStateMachine', () => {
  it('counts the linearizable and the undecided histories of a machine with queries', async () => {
    const machine = (): QueryableSum => new QueryableSum(({ total }) => total)
    const checked = await checkStateMachine(machine, { ...QUERY_CHECK, runs: 2 })
    assert.deepEqual(checked.histories, { linearizable: 2, undecided: 0 })
    const limited = await checkStateMachine(machine, { ...QUERY_CHECK, logs: 0, runs: 1, stepsMax: 1 })
    assert.deepEqual(limited.histories, { linearizable: 0, undecided: 1 })
  })

  it('accepts a correct machine', async () => {
    const totals = await checkStateMachine(() => new Sum(), { ...SMALL_CHECK, runs: 2 })
    assert.ok(totals.commits > 50)
    assert.ok((totals.eventCounts.get('snapshotInstalled') ?? 0) > 0)
  })

  it('reports the smallest failing log and how to repeat the check', async () => {
    const machine = (): Sum => new (IncompleteSnapshotAfter(2))()
    await assert.rejects(checkStateMachine(machine, { ...SMALL_CHECK, seed: 5 }), (error: Error) => {
      assert.match(error.message, /The commands:\n {2}1 {2}0\n {2}2 {2}0\n {2}3 {2}0\n\n/)
      assert.match(error.message, /To repeat: checkStateMachine\(…, \{ seed: 5 \}\)\nTo see it in a browser: \S+$/)
      return true
    })
  })

  it('rejects with the error of the machine as the cause, and never with its own message again', async () => {
    const causeOf = (call: () => unknown): Promise<unknown> =>
      checkStateMachine(() => new (calling(call))(), SMALL_CHECK).catch(({ cause }: Error) => cause)
    const full = new Error('full')
    assert.equal(
      await causeOf(() => {
        throw full
      }),
      full,
    )
    assert.equal(await causeOf(() => Date.now()), undefined)
  })

  it('restores the guarded functions afterwards', async () => {
    const before = [Date, Date.now, Math.random, setTimeout, process.hrtime, Intl.NumberFormat, randomUUID]
    await assert.rejects(checkStateMachine(() => new (calling(() => Date.now()))(), SMALL_CHECK))
    const after = [Date, Date.now, Math.random, setTimeout, process.hrtime, Intl.NumberFormat, randomUUID]
    assert.deepEqual(after, before)
  })
})

describe('checkStateMachine rejects a nondeterministic call', () => {
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
    'new Date() of a local time': () => new Date(2026, 0, 1).getTime(),
    'Date.parse() of a local time': () => Date.parse('2026-01-01T10:00'),
    'Intl.Collator()': () => new Intl.Collator(),
    'Intl.DateTimeFormat()': () => new Intl.DateTimeFormat('en'),
  }
  for (const [displayName, call] of Object.entries(calls))
    it(`of ${displayName} in apply()`, async () => {
      const start = `apply() of command 1 calls ${displayName}. `
      await assert.rejects(
        checkStateMachine(() => new (calling(call))(), SMALL_CHECK),
        startsWith(start),
      )
    })

  it('of randomUUID() imported from node:crypto', async () => {
    const machine = (): Sum => new (calling(() => randomUUID()))()
    await assert.rejects(
      checkStateMachine(machine, SMALL_CHECK),
      /calls crypto\.randomUUID\(\)\. .*put it into the command/,
    )
  })

  it('even if the machine catches the error', async () => {
    const catching = calling(() => {
      try {
        return Date.now()
      } catch {
        return 0
      }
    })
    await assert.rejects(
      checkStateMachine(() => new catching(), SMALL_CHECK),
      /put the time into the command before it is/,
    )
  })

  it('in snapshot(), and in restore() after an await', async () => {
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

  it('unless a date is in UTC, or has an offset', async () => {
    const texts = ['2026', '2026-01-31', '2026-01-31T10:00Z', '2026-01-31T10:00+01:00', new Date(0).toUTCString(), 'no']
    const explicit = calling(() => [...texts, 0, Date.UTC(2026, 0, 1)].filter((each) => new Date(each).getTime() > 0))
    await checkStateMachine(() => new explicit(), { ...SMALL_CHECK, logs: 2, runs: 0 })
  })

  it('unless a time zone and a locale are passed', async () => {
    const explicit = calling(() => new Date(0).toLocaleString('en', { timeZone: 'UTC' }) + (5).toLocaleString('en'))
    await checkStateMachine(() => new explicit(), { ...SMALL_CHECK, logs: 2, runs: 0 })
  })
})

describe('checkStateMachine rejects a faulty machine', () => {
  const faulty: Readonly<Record<string, readonly [() => StateMachine<number, unknown>, RegExp]>> = {
    'whose results depend on more than its commands': [
      () => new InstanceDependent(),
      /^command 1 returns .* on two new machines .* keep all state in fields of the machine/,
    ],
    'whose state is in a variable of the module': [
      () => new StaticState(),
      /has the snapshot .* keep all state in fields of the machine/,
    ],
    'that throws in apply()': [
      () => new (calling(() => assert.fail('no')))(),
      /^apply\(\) of command 1 threw AssertionError.* no\n[\s\S]*return a rejection as a result/,
    ],
    'that throws in snapshot() of the initial state': [
      () => new (snapshotOf((total) => (total === 0 ? assert.fail('empty') : [])))(),
      /^snapshot\(\) after command 0 threw [\s\S]*No command is needed/,
    ],
    'that throws in restore()': [
      () => new (restoring(() => assert.fail('no')))(),
      /^restore\(\) of the snapshot after command 0 threw [\s\S]*accept the bytes of snapshot\(\)/,
    ],
    'whose apply() returns a promise': [
      () => new (calling(() => Promise.reject(new Error('late'))))(),
      /^apply\(\) returned a promise for command 1: it must be synchronous/,
    ],
    'whose snapshot() returns a promise': [
      () => new (snapshotOf(() => Promise.resolve([]) as never))(),
      /returned a promise: return the chunks themselves/,
    ],
    'whose snapshot() returns a string': [
      () => new (snapshotOf(() => 'text' as never))(),
      /a string: return chunks of bytes/,
    ],
    'whose snapshot() returns bytes that are not in a list': [
      () => new (snapshotOf(() => Buffer.from('1') as never))(),
      /return `\[bytes\]`/,
    ],
    'whose snapshot() yields strings': [
      () => new (snapshotOf(() => ['text'] as never))(),
      /returned string text as a chunk/,
    ],
    'whose snapshot() never settles': [
      () => new (snapshotOf(() => neverEndingChunks()))(),
      /^snapshot\(\) after command 0 did not settle within 60 ms \(deadlineMs\)/,
    ],
    'whose restore() never settles': [
      () => new (restoring(() => new Promise(() => {})))(),
      /^restore\(\) of the snapshot after command 0 did not settle within 60 ms/,
    ],
    'whose result is changed by JSON': [
      () => new (calling(() => ({ average: Number.NaN })))(),
      /^the result of command 1 is changed by its codec: at average, NaN is decoded as null/,
    ],
    'whose result cannot be encoded as JSON': [
      () => new (calling(() => 5n))(),
      /^the result of command 1 cannot be encoded and decoded \(.*BigInt/,
    ],
    'whose restore() adds to the state instead of replacing it': [
      () =>
        new (restoring((machine, total) => {
          machine.total += total
        }))(),
      /restore\(\) must replace the whole state.* must discard the old state/,
    ],
    'whose snapshot lacks state that later results depend on': [
      () => new (IncompleteSnapshotAfter(2))(),
      /^restored from the snapshot after command \d, the machine returns .* without a restart/,
    ],
    'whose snapshot shows a later command': [
      () => new LateSnapshot(),
      /snapshot\(\) must return the state at its call/,
    ],
    'whose snapshot waits before it copies the state': [
      () => new SnapshotAfterAwait() as never,
      /is visible in the snapshot: .* Copy the state before the first `yield` and the first `await`/,
    ],
    'whose concurrent snapshots share an iterator': [
      () => new OneSnapshotAtATime(),
      /one of two snapshots that are read concurrently differs/,
    ],
    'that changes the bytes of a snapshot later': [
      () => new BufferReuser(),
      /changed bytes that snapshot\(\) had returned/,
    ],
  }
  for (const [title, [machine, message]] of Object.entries(faulty))
    it(title, async () => {
      await assert.rejects(checkStateMachine(machine, SMALL_CHECK), (error: Error) => {
        assert.match(error.message, message)
        return true
      })
    })

  it('that changes a command', async () => {
    class Changer extends ListMachine {
      override apply(items: number[]): number {
        items.push(0)
        return items.length
      }
    }
    const lists = { ...SMALL_CHECK, commands: fc.array(fc.nat(3), { maxLength: 3 }) }
    await assert.rejects(
      checkStateMachine(() => new Changer(), lists),
      /apply\(\) changed command 1, which shares its bytes/,
    )
  })

  it('for the commands that show it, also if they are applied only before a restore', async () => {
    const commands = fc.constantFrom(1, 2, 3)
    class Rejecting extends Sum {
      override apply(command: number): unknown {
        if (command === 3) throw new Error('three')
        return super.apply(command)
      }
    }
    for (let seed = 1; seed <= 20; seed++)
      await assert.rejects(
        checkStateMachine(() => new Rejecting(), { ...SMALL_CHECK, commands, logEntriesMax: 3, seed, runs: 0 }),
        ({ message }: Error) => {
          assert.match(message, /^apply\(\) of command 1 threw Error: three\n {4}at Rejecting\.apply .*\nA node whose/)
          assert.match(message, /\nThe commands:\n {2}1 {2}3\n/)
          return true
        },
      )
  })

  it('that keeps a command and changes it later', async () => {
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
      /command 1 was kept and then changed by a later command/,
    )
  })

  it('that changes the state after apply() has returned', async () => {
    class Later extends Sum {
      override apply(add: number): unknown {
        void Promise.resolve().then(() => super.apply(add))
        return this.total
      }
    }
    await assert.rejects(
      checkStateMachine(() => new Later(), SMALL_CHECK),
      /^MachineFault: .* different snapshots, .* apply\(\) changes the state after it has returned, as in the code after an `await`[\s\S]*The commands:\n {2}1 {2}\d\n\n/,
    )
  })

  it('whose restore() resolves too early', async () => {
    class Early extends Sum {
      override async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
        void super.restore(chunks)
      }
    }
    await assert.rejects(
      checkStateMachine(() => new Early(), SMALL_CHECK),
      /it has the right one a moment later\. restore\(\) must not resolve before the state is replaced/,
    )
  })

  it('that changes a result later', async () => {
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

  it('whose commands are changed by their codec', async () => {
    const commands = fc.date({ noInvalidDate: true })
    const machine = (): StateMachine<Date, unknown> => new Sum() as never
    await assert.rejects(
      checkStateMachine(machine, { ...SMALL_CHECK, commands }),
      /^MachineFault: command 1 is changed by its codec/,
    )
  })

  it('whose commands are changed by their codec, of which it lists the one, also if only other commands have it', async () => {
    const rarely = fc.oneof({ weight: 60, arbitrary: fc.nat(5) }, { weight: 1, arbitrary: fc.constant(Number.NaN) })
    for (let seed = 1; seed <= 10; seed++) {
      const check = { commands: rarely, logs: 100, runs: 0, seed }
      assert.match(
        (await faultOf(checkStateMachine(() => new Sum(), check))).message,
        /^command 1 is changed by its codec: NaN is decoded as null[\s\S]*The commands:\n {2}1 {2}NaN\n/,
      )
    }
  })

  it('whose digest() depends on more than the state, or is no text', async () => {
    class Digesting extends Sum {
      #applied = 0

      override apply(add: number): unknown {
        this.#applied++
        return super.apply(add)
      }

      digest(): string {
        return `${this.total} after ${this.#applied}`
      }
    }
    await assert.rejects(
      checkStateMachine(() => new Digesting(), SMALL_CHECK),
      /^MachineFault: after command 1, digest\(\) returns '.+ after 1', but '.+ after 0' on a new machine restored from its snapshot/,
    )
    class Numeric extends Sum {
      digest(): string {
        return this.total as unknown as string
      }
    }
    await assert.rejects(
      checkStateMachine(() => new Numeric(), SMALL_CHECK),
      /digest\(\) after command 0 returned number: return a text/,
    )
  })

  it('whose query() changes the state', async () => {
    const machine = (): QueryableSum => new QueryableSum((asked) => asked.total++)
    await assert.rejects(
      checkStateMachine(machine, QUERY_CHECK),
      /^MachineFault: query\(\) of 'total' changed the state from 0 to 1/,
    )
  })

  it('whose query() depends on state that is not in the snapshot', async () => {
    const machine = (): QueryableSum => new QueryableSum((asked) => asked.applied)
    await assert.rejects(
      checkStateMachine(machine, QUERY_CHECK),
      /the snapshot must contain everything that answers depend on/,
    )
  })

  it('whose query() returns a promise, throws, or returns a value that its codec changes', async () => {
    const rejects = (query: () => unknown, message: RegExp): Promise<void> =>
      assert.rejects(
        checkStateMachine(() => new QueryableSum(query), QUERY_CHECK),
        message,
      )
    await rejects(async () => 1, /query\(\) of 'total' after command 0 returned a promise/)
    await rejects(() => assert.fail('no'), /query\(\) of 'total' after command 0 threw AssertionError/)
    await rejects(() => new Map(), /returns a value that its codec changes/)
  })

  it('whose query() returns stale data', async () => {
    const machine = (): QueryableSum => {
      let cached: number | undefined
      return new QueryableSum((asked) => {
        cached ??= asked.total
        return cached
      })
    }
    await assert.rejects(
      checkStateMachine(machine, QUERY_CHECK),
      /^MachineFault: query\(\) of 'total' after command 1 returns 0 on a machine that was asked before, but 1 on a machine that was not/,
    )
  })

  /** Keeps an answer only if it is asked at the right time, as clients of a cluster do. */
  const seldomStale = (): QueryableSum => {
    let cached: number | undefined
    return new QueryableSum(({ total }) => {
      if (total > 0 && total < 20) cached ??= total
      return cached ?? total
    })
  }

  it('that only a cluster detects, as the log that shows it, with the places of its commands if they matter', async () => {
    class ByIndex extends Sum {
      override apply(add: number, { index }: { readonly index: number }): unknown {
        if (index > 8 && this.total > 0 && index % 2 === 0) throw new Error('even is too many')
        return super.apply(add)
      }
    }
    const check = { ...SMALL_CHECK, logEntriesMax: 8, commands: fc.constant(1) }
    await assert.rejects(
      checkStateMachine(() => new ByIndex(), check),
      /^MachineFault: apply\(\) of command 2 threw Error: even is too many\n[\s\S]*\n {2}2 {2}1 {2}\(index \d+, term \d+\)\n\nA simulated cluster applied these commands and others, and failed: .*\n/,
    )
  })

  it('that fails only in a cluster, with the violating history and a run file to replay', async () => {
    const check = { ...QUERY_CHECK, logs: 0, shrinksMax: 5, seed: 4 }
    const machine = seldomStale
    const error = await checkStateMachine(machine, check).catch((reason: Error) => reason)
    assert.ok(error instanceof Error)
    assert.match(
      error.message,
      /^M1 linearizable calls is violated: [\s\S]*The history is not linearizable[\s\S]*query\(.*total.*\)/,
    )
    const [, calls = ''] = /^To see the calls in a browser: (.+-calls\.html)$/m.exec(error.message) ?? []
    assert.match(await readFile(calls, 'utf8'), /<h1 class="bad">Not linearizable<\/h1>/)
    const [, file = '', again] =
      /The run file is (.+)\. To replay it in a test: (.+) with its text/.exec(error.message) ?? []
    assert.equal(again, 'replayStateMachine(…, { seed: 4 }, text)')
    const text = await readFile(file, 'utf8')
    const whole = await replayStateMachine(machine, check, text)
    assert.match(String(whole.failure), /The history is not linearizable/)
    assert.equal(whole.isSame, true)
    const begun = await replayStateMachine(machine, check, text, { event: whole.event - 1 })
    assert.equal(begun.failure, undefined)
    const fixed = await replayStateMachine(() => new QueryableSum(({ total }) => total), check, text)
    assert.equal(fixed.failure, undefined)
  })

  it('that depends on state outside of it, if the run does not fail again', async () => {
    let applied = 0
    class Worn extends Sum {
      override apply(add: number): unknown {
        return applied++ === 400 ? 'worn' : super.apply(add)
      }
    }
    await assert.rejects(
      checkStateMachine(() => new Worn(), { ...SMALL_CHECK, logs: 0 }),
      /^MachineFault: a simulated cluster failed, and with the same seed it did not fail again\. The machine depends on something outside of it, [\s\S]*returned ("worn"|\d+) on one machine and ("worn"|\d+) on another:\n {2}\d {2}\(index \d+, term \d+\)\n\nThe violation: (I5|M1)/,
    )
  })
})

describe('checkStateMachine with a child process', () => {
  const module = new URL('./importable-machines.ts', import.meta.url).href
  const there = { ...SMALL_CHECK, runs: 0, deadlineMs: 1000 }

  it('accepts a machine with equal results in both processes', async () => {
    const childProcess = { module, machine: 'makeSum' }
    const { notChecked } = await checkStateMachine(() => new Sum(), { ...there, childProcess })
    assert.deepEqual(notChecked, ['clusters under faults: runs is 0', 'query(), if the machine has one: pass queries'])
  })

  it('rejects a machine that depends on the time zone', async () => {
    const childProcess = { module, machine: 'TimeZoneDependent' }
    await assert.rejects(
      checkStateMachine(() => new TimeZoneDependent(), { ...there, childProcess }),
      /command 1 returns .* in this process and "\d Pacific\/Chatham" in a child process\. The child process ran with TZ=/,
    )
  })

  it('rejects a machine that depends on the name of the host, which its module has read', async () => {
    const childProcess = { module, machine: 'HostDependent' }
    await assert.rejects(
      checkStateMachine(() => new HostDependent(), { ...there, childProcess }),
      /command 1 returns .* in this process and "\d another-host another-user" in a child process\. /,
    )
  })

  it('rejects a machine with an endless loop', async () => {
    const childProcess = { module, machine: 'Endless' }
    await assert.rejects(
      checkStateMachine(() => new Endless(), { ...there, childProcess }),
      /^MachineFault: apply\(\) of command \d+ did not return within 1000 ms \(deadlineMs\) in a child process[\s\S]* {2}1 {2}\d/,
    )
  })

  it('rejects a module that does not export the machine', async () => {
    const childProcess = { module, machine: 'Missing' }
    await assert.rejects(
      checkStateMachine(() => new Sum(), { ...there, childProcess }),
      /the child process could not run .*importable-machines.ts: [\s\S]*the module exports no class or function named Missing/,
    )
  })

  it('is reported as a skipped check if it is not configured', async () => {
    const { notChecked } = await checkStateMachine(() => new Sum(), there)
    assert.match(
      notChecked.join('; '),
      /endless loops, values that a module reads while it is loaded, state that all machines of a process share, and another time zone and locale: pass childProcess/,
    )
  })
})

function startsWith(start: string): (error: Error) => true {
  return (error) => {
    assert.equal(error.message.slice(0, start.length), start)
    return true
  }
}

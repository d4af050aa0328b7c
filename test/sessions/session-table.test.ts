import assert from 'node:assert/strict'
import type { SessionLimits } from '../../src/sessions/limits.ts'
import { SESSION_DEFAULTS } from '../../src/sessions/limits.ts'
import type { Verdict } from '../../src/sessions/session-table.ts'
import { SessionTable } from '../../src/sessions/session-table.ts'
import { decodeTable, encodeTable } from '../../src/sessions/table-bytes.ts'

describe('SessionTable', () => {
  let table: SessionTable
  let index: number

  beforeEach(() => {
    table = new SessionTable()
    index = 0
  })

  function register(time = 0, limits: Partial<SessionLimits> = {}): number {
    table.register(++index, time, { ...SESSION_DEFAULTS, ...limits })
    return index
  }

  /** Runs a command as a node does, and returns what became of it. */
  function run(id: number, sequence: number, { lowest = 1, time = 0, result = `r${sequence}` } = {}): string {
    index++
    const verdict: Verdict = table.command(id, sequence, lowest, time)
    if (verdict.type === 'execute') table.record(verdict.session, sequence, { index, term: 1, bytes: result })
    if (verdict.type !== 'repeated') return verdict.type
    return verdict.result.bytes ?? 'dropped'
  }

  it('executes each command once, in any order, and answers repetitions with the first result', () => {
    const id = register()
    assert.equal(run(id, 2), 'execute')
    assert.equal(run(id, 1), 'execute')
    assert.equal(run(id, 2, { result: 'another' }), 'r2')
    assert.equal(run(id, 1), 'r1')
  })

  it('keeps the sessions apart', () => {
    const [a, b] = [register(), register()]
    assert.equal(run(a, 1), 'execute')
    assert.equal(run(b, 1), 'execute')
  })

  it('counts what it holds, repeats and removes', () => {
    assert.deepEqual([table.queues, table.status], [[], { count: 0, repeated: 0, timedOut: 0, evicted: 0 }])
    const limits = { sessionsMax: 2, sessionTimeoutMs: 100, sessionResultsMax: 5, sessionResultBytesMax: 9 }
    const idle = register(0, limits)
    const id = register(0, limits)
    run(id, 1)
    run(id, 1)
    run(id, 1)
    assert.deepEqual(table.status, { count: 2, repeated: 2, timedOut: 0, evicted: 0 })
    assert.deepEqual(table.queues, [
      { limit: 'sessionsMax', used: 2, max: 2 },
      { limit: 'sessionResultsMax', used: 1, max: 5 },
      { limit: 'sessionResultBytesMax', used: 2, max: 9 },
    ])
    register(50, limits)
    assert.equal(run(idle, 1), 'unknownSession')
    assert.deepEqual(table.status, { count: 2, repeated: 2, timedOut: 0, evicted: 1 })
    run(id, 2, { time: 60 })
    run(id, 3, { time: 155 })
    assert.deepEqual(table.status, { count: 1, repeated: 2, timedOut: 1, evicted: 1 })
  })

  it('knows no session that was not registered', () => assert.equal(run(7, 1), 'unknownSession'))

  it('drops results that the client does not wait for, and refuses their commands from then on', () => {
    const id = register()
    for (const sequence of [1, 2, 4]) run(id, sequence)
    assert.equal(run(id, 5, { lowest: 4 }), 'execute')
    assert.deepEqual([table.resultCount, table.resultBytes], [2, 4])
    assert.equal(run(id, 3), 'belowLowest', 'never executed, and given up by its client')
    assert.equal(run(id, 2), 'belowLowest')
    assert.equal(run(id, 4), 'r4')
  })

  it('acknowledges a jump over many numbers at once', () => {
    const id = register()
    run(id, 1)
    assert.equal(run(id, 2 ** 50, { lowest: 2 ** 50 }), 'execute')
    assert.equal(table.resultCount, 1)
  })

  it('refuses a command too far above the lowest that the client waits for', () => {
    const id = register(0, { sessionCommandsMax: 3 })
    assert.equal(run(id, 3), 'execute')
    assert.equal(run(id, 4), 'tooFarAhead')
    assert.equal(run(id, 4, { lowest: 2 }), 'execute')
  })

  it('expires a session that was idle for the timeout, in log time', () => {
    const [idle, busy] = [register(0, { sessionTimeoutMs: 100 }), register(0, { sessionTimeoutMs: 100 })]
    assert.equal(run(busy, 1, { time: 99 }), 'execute')
    assert.equal(run(busy, 2, { time: 100 }), 'execute')
    assert.equal(run(idle, 1, { time: 100 }), 'unknownSession')
    assert.equal(run(busy, 3, { time: 199 }), 'execute')
    assert.equal(run(busy, 3, { time: 299 }), 'unknownSession', 'a repetition too late is refused, not executed')
  })

  it('does not go back in time', () => {
    const id = register(0, { sessionTimeoutMs: 100 })
    run(id, 1, { time: 90 })
    run(id, 2, { time: 10 })
    assert.equal(table.time, 90)
    assert.equal(run(id, 3, { time: 189 }), 'execute')
  })

  it('expires the session that was idle longest if there are too many', () => {
    const limits = { sessionsMax: 2 }
    const [a, b] = [register(0, limits), register(0, limits)]
    run(a, 1)
    register(0, limits)
    assert.equal(run(b, 1), 'unknownSession')
    assert.equal(run(a, 2), 'execute')
  })

  it('expires the session that was idle longest if there are too many results', () => {
    const limits = { sessionCommandsMax: 2, sessionResultsMax: 3 }
    const [a, b] = [register(0, limits), register(0, limits)]
    for (const [id, sequence] of [
      [b, 1],
      [a, 1],
      [a, 2],
      [b, 2],
    ] as const)
      run(id, sequence)
    assert.equal(run(a, 2), 'unknownSession')
    assert.equal(run(b, 2), 'r2')
    assert.equal(table.resultCount, 2)
  })

  it('drops the oldest results above the bytes, and still executes no command twice', () => {
    const id = register(0, { sessionResultBytesMax: 10 })
    for (const sequence of [1, 2, 3]) run(id, sequence, { result: 'four' })
    assert.equal(run(id, 1), 'dropped')
    assert.equal(run(id, 2), 'four')
    assert.equal(table.resultBytes, 8)
  })

  it('adopts the limits of the newest registration', () => {
    const ids = [register(0), register(0), register(0)]
    register(0, { sessionsMax: 2 })
    assert.deepEqual(
      ids.map((id) => run(id, 1)),
      ['unknownSession', 'unknownSession', 'execute'],
    )
  })

  it('is the same after a snapshot', () => {
    const [a, b] = [register(5), register(6, { sessionResultBytesMax: 6 })]
    for (const [id, sequence] of [
      [b, 1],
      [a, 1],
      [a, 3],
      [b, 2],
    ] as const)
      run(id, sequence, { time: 7 })
    const copy = new SessionTable()
    decodeTable(encodeTable(table, { results: true }), copy)
    assert.deepEqual(encodeTable(copy, { results: true }), encodeTable(table, { results: true }))
    for (const each of [table, copy]) {
      table = each
      assert.deepEqual([run(b, 1), run(a, 1), run(a, 2), run(b, 2)], ['dropped', 'r1', 'execute', 'r2'])
    }
  })

  it('has the same digest whatever the bytes of its results', () => {
    const id = register()
    run(id, 1, { result: 'one' })
    const digest = encodeTable(table, { results: false })
    table = new SessionTable()
    index = 0
    run(register(), 1, { result: 'another release encodes more' })
    assert.deepEqual(encodeTable(table, { results: false }), digest)
  })
})

/** Hand-written histories: linearizable, violated and undecided ones. */
import assert from 'node:assert/strict'
import type { CompareAndSetOperation, CounterOperation, RecordedCall } from 'quorate/linearizability'
import {
  checkLinearizable,
  compareAndSetModel,
  counterModel,
  keyValueModel,
  registerModel,
} from 'quorate/linearizability'
import { ok, rejected, unknown } from './calls.ts'

const READ = { type: 'read' } as const
const write = (value: number) => ({ type: 'write', value }) as const
const compareAndSet = (expected: number, value: number) => ({ type: 'compareAndSet', expected, value }) as const

interface HistoryCase {
  readonly description: string
  readonly isLinearizable: boolean
  readonly calls: readonly RecordedCall<CompareAndSetOperation<number>, number | boolean | undefined>[]
}

/** The register initially holds 0. */
const HISTORY_CASES: readonly HistoryCase[] = [
  { description: 'an empty history', isLinearizable: true, calls: [] },
  {
    description: 'a read of the value written before',
    isLinearizable: true,
    calls: [ok('a', [1, 2], write(1), undefined), ok('b', [3, 4], READ, 1)],
  },
  {
    description: 'a stale read',
    isLinearizable: false,
    calls: [ok('a', [1, 2], write(1), undefined), ok('b', [3, 4], READ, 0)],
  },
  {
    description: 'a read of the old value during a write',
    isLinearizable: true,
    calls: [ok('a', [1, 4], write(1), undefined), ok('b', [2, 3], READ, 0)],
  },
  {
    description: 'a read of the new value during a write',
    isLinearizable: true,
    calls: [ok('a', [1, 4], write(1), undefined), ok('b', [2, 3], READ, 1)],
  },
  {
    description: 'the new value and then the old one, during a write',
    isLinearizable: false,
    calls: [ok('a', [1, 6], write(1), undefined), ok('b', [2, 3], READ, 1), ok('c', [4, 5], READ, 0)],
  },
  {
    description: 'a read of the old value that starts when the write ends',
    isLinearizable: true,
    calls: [ok('a', [1, 2], write(1), undefined), ok('b', [2, 3], READ, 0)],
  },
  {
    description: 'a value that was never written',
    isLinearizable: false,
    calls: [ok('a', [1, 2], write(1), undefined), ok('b', [1, 4], READ, 2)],
  },
  {
    description: 'two readers that observe two writes in opposite orders',
    isLinearizable: false,
    calls: [
      ...[ok('a', [1, 9], write(1), undefined), ok('b', [1, 9], write(2), undefined)],
      ...[ok('c', [2, 3], READ, 1), ok('c', [4, 5], READ, 2), ok('d', [2, 3], READ, 2), ok('d', [4, 5], READ, 1)],
    ],
  },
  {
    description: 'a lost update: two compare-and-sets of the same value both succeed',
    isLinearizable: false,
    calls: [ok('a', [1, 4], compareAndSet(0, 1), true), ok('b', [2, 3], compareAndSet(0, 2), true)],
  },
  {
    description: 'two compare-and-sets of the same value, one of which succeeds',
    isLinearizable: true,
    calls: [
      ...[ok('a', [1, 4], compareAndSet(0, 1), false), ok('b', [2, 3], compareAndSet(0, 2), true)],
      ok('c', [5, 6], READ, 2),
    ],
  },
  {
    description: 'a write of unknown outcome that took effect much later',
    isLinearizable: true,
    calls: [
      ...[unknown('a', [1, 2], write(7)), ok('b', [3, 4], write(1), undefined), ok('b', [5, 6], READ, 1)],
      ok('b', [7, 8], READ, 7),
    ],
  },
  {
    description: 'a write of unknown outcome that never took effect',
    isLinearizable: true,
    calls: [unknown('a', [1, 2], write(7)), ok('b', [3, 4], READ, 0)],
  },
  {
    description: 'an open write whose value was read',
    isLinearizable: true,
    calls: [{ client: 'a', operation: write(7), calledAt: 1, answer: undefined }, ok('b', [3, 4], READ, 7)],
  },
  {
    description: 'a write of unknown outcome that took effect twice',
    isLinearizable: false,
    calls: [
      ...[unknown('a', [1, 2], write(7)), ok('b', [3, 4], READ, 7), ok('b', [5, 6], write(1), undefined)],
      ok('b', [7, 8], READ, 7),
    ],
  },
  {
    description: 'a write of unknown outcome whose value was read before the call',
    isLinearizable: false,
    calls: [ok('b', [1, 2], READ, 7), unknown('a', [3, 4], write(7))],
  },
  {
    description: 'two equal writes of unknown outcome whose value was read twice',
    isLinearizable: true,
    calls: [
      ...[unknown('a', [1, 2], write(7)), unknown('c', [1, 2], write(7)), ok('b', [3, 4], READ, 7)],
      ...[ok('b', [5, 6], write(1), undefined), ok('b', [7, 8], READ, 7)],
    ],
  },
  {
    description: 'two equal writes of unknown outcome, the first read before the second was called',
    isLinearizable: true,
    calls: [
      ...[unknown('a', [1, 2], write(7)), ok('b', [3, 4], READ, 7), unknown('c', [5, 6], write(7))],
      ...[ok('b', [7, 8], write(1), undefined), ok('b', [9, 10], READ, 7)],
    ],
  },
  {
    description:
      'a value reachable by two sets of unknown calls, of which only the larger leaves a call that is needed later',
    isLinearizable: true,
    calls: [
      ...[unknown('a', [1, 2], write(3)), unknown('c', [1, 2], compareAndSet(0, 1))],
      ...[unknown('d', [1, 2], compareAndSet(1, 3)), ok('b', [3, 4], READ, 3)],
      ...[ok('b', [5, 6], write(5), undefined), ok('b', [7, 8], READ, 3)],
    ],
  },
  {
    description: 'a rejected write that was never read',
    isLinearizable: true,
    calls: [rejected('a', [1, 2], write(7)), ok('b', [3, 4], READ, 0)],
  },
  {
    description: 'a rejected write whose value was read',
    isLinearizable: false,
    calls: [rejected('a', [1, 2], write(7)), ok('b', [3, 4], READ, 7)],
  },
]

describe('checkLinearizable on a register', () => {
  for (const { description, isLinearizable, calls } of HISTORY_CASES)
    it(`${isLinearizable ? 'accepts' : 'rejects'} ${description}`, () => {
      const { verdict } = checkLinearizable(compareAndSetModel(0), calls)
      assert.equal(verdict, isLinearizable ? 'linearizable' : 'violated')
    })
})

describe('checkLinearizable', () => {
  it('returns an order that explains the history and omits unneeded unknown calls', () => {
    const late = ok('a', [1, 6], write(1), undefined)
    const calls = [late, unknown('d', [1, 2], write(9)), ok('b', [2, 3], READ, 0), ok('c', [4, 5], READ, 1)]
    const outcome = checkLinearizable(registerModel(0), calls)
    assert.ok(outcome.verdict === 'linearizable')
    assert.deepEqual(outcome.order, [calls[2], late, calls[3]])
  })

  it('merges the orders of all keys by time', () => {
    const put = (key: string, value: number) => ({ type: 'put', key, value }) as const
    const get = (key: string) => ({ type: 'get', key }) as const
    const calls = [
      ...[ok('b', [3, 9], put('y', 1), undefined), ok('a', [1, 2], put('x', 1), undefined)],
      ...[ok('c', [4, 5], get('y'), undefined), ok('c', [6, 7], get('x'), 1), ok('c', [10, 11], get('y'), 1)],
    ]
    const outcome = checkLinearizable(keyValueModel<number>(), calls)
    assert.ok(outcome.verdict === 'linearizable')
    const places = outcome.order.map((call) => calls.indexOf(call as (typeof calls)[number]))
    assert.deepEqual([...places].sort(), [0, 1, 2, 3, 4])
    for (const [at, call] of outcome.order.entries())
      for (const later of outcome.order.slice(at + 1))
        assert.ok(
          later.answer?.type === 'ok' && later.answer.at >= call.calledAt,
          `call ${at} cannot precede a later one`,
        )
  })

  it('returns undecided at the step limit', () => {
    const outcome = checkLinearizable(counterModel(), expensiveHistory(30), { stepsMax: 5000 })
    assert.equal(outcome.verdict, 'undecided')
    assert.ok(outcome.steps < 5100, `${outcome.steps} steps`)
  })

  it('finds a violation on one key although another key exceeds the step limit', () => {
    const calls = [
      ...expensiveHistory(30).map((call) => ({ ...call, operation: { ...call.operation, key: 'hard' } })),
      ok('a', [1, 2], { type: 'read', key: 'easy' } as const, 5),
    ]
    const model = { ...counterModel(), key: (operation: CounterOperation) => (operation as { key?: string }).key ?? '' }
    assert.equal(checkLinearizable(model, calls, { stepsMax: 5000 }).verdict, 'violated')
  })

  it('accepts a history parsed from JSON', () => {
    const calls = [ok('a', [1, 2], write(1), undefined), ok('b', [3, 4], READ, 0)]
    assert.equal(checkLinearizable(registerModel(0), JSON.parse(JSON.stringify(calls))).verdict, 'violated')
    assert.equal(
      checkLinearizable(registerModel(0), JSON.parse(JSON.stringify(calls.slice(0, 1)))).verdict,
      'linearizable',
    )
  })

  it('throws on an invalid history', () => {
    const throwsOn = (call: unknown, message: RegExp): void =>
      assert.throws(() => checkLinearizable(registerModel(0), [call as never]), message)
    throwsOn(
      ok('a', [2, 1], READ, 0),
      /call 0 of the history, by client a, was answered at 1, before it was called at 2/,
    )
    throwsOn(ok('a', [Number.NaN, 1], READ, 0), /was called at NaN/)
    throwsOn(ok('a', [1, Number.POSITIVE_INFINITY], READ, 0), /was answered at Infinity/)
    throwsOn({ ...ok('a', [1, 2], READ, 0), answer: { type: 'failed', at: 2 } }, /was answered 'failed'/)
  })

  it('throws if the model changes the state it was given', () => {
    const model = {
      initial: () => [] as number[],
      step: (state: number[], operation: number) => ({ state, result: state.push(operation) }),
      hash: (state: number[]) => state.join(),
    }
    assert.throws(
      () => checkLinearizable(model, [ok('a', [1, 2], 7, 1)]),
      /must return a new state and leave the argument unchanged/,
    )
  })

  it('throws if changesNothing() is wrong', () => {
    const model = { ...registerModel(0), changesNothing: () => true }
    assert.throws(
      () => checkLinearizable(model, [ok('a', [1, 2], write(7), undefined)]),
      /changesNothing\(\).* write\(7\)/,
    )
  })
})

/** Concurrent additions of different powers of two, and a read of a sum that no subset of them has. */
function expensiveHistory(additions: number) {
  const calls = Array.from({ length: additions }, (_, power) =>
    unknown(power, [1, 2], { type: 'add', amount: 2 ** power } as const),
  )
  return [...calls, ok('reader', [3, 4], READ, 0.5)]
}

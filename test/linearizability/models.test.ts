/** Each built-in model, checked against valid and invalid histories. */
import assert from 'node:assert/strict'
import type { Model } from 'quorate/linearizability'
import {
  checkLinearizable,
  compareAndSetModel,
  counterModel,
  keyValueModel,
  queueModel,
  registerModel,
} from 'quorate/linearizability'
import { ok } from './calls.ts'

/** Sequential calls of one client, with their results. */
type ExpectedCalls<Operation, Result> = readonly (readonly [Operation, Result])[]

const read = { type: 'read' } as const
const write = (value: string) => ({ type: 'write', value }) as const
const compareAndSet = (expected: string, value: string) => ({ type: 'compareAndSet', expected, value }) as const
const get = { type: 'get', key: 'k' } as const
const put = (value: number) => ({ type: 'put', key: 'k', value }) as const
const remove = { type: 'delete', key: 'k' } as const
const putIf = (expected: number | undefined, value: number) =>
  ({ type: 'compareAndSet', key: 'k', expected, value }) as const
const enqueue = (value: string) => ({ type: 'enqueue', value }) as const
const dequeue = { type: 'dequeue' } as const
const add = (amount: number) => ({ type: 'add', amount }) as const

describe('registerModel', () => {
  const model = registerModel('')
  acceptsCalls(model, [
    [read, ''],
    [write('a'), undefined],
    [read, 'a'],
    [write(''), undefined],
    [read, ''],
  ])
  rejectsCalls(model, 'a read of a value that was never written', [[read, 'a']])
  rejectsCalls(model, 'a lost write', [
    [write('a'), undefined],
    [read, ''],
  ])
})

describe('compareAndSetModel', () => {
  const model = compareAndSetModel('')
  acceptsCalls(model, [
    [compareAndSet('x', 'a'), false],
    [compareAndSet('', 'a'), true],
    [read, 'a'],
    [write('b'), undefined],
    [read, 'b'],
  ])
  rejectsCalls(model, 'a compare-and-set that succeeds on a different value', [[compareAndSet('x', 'a'), true]])
  rejectsCalls(model, 'a compare-and-set that fails on the expected value', [[compareAndSet('', 'a'), false]])
  rejectsCalls(model, 'a compare-and-set that reports failure and takes effect', [
    [compareAndSet('x', 'a'), false],
    [read, 'a'],
  ])
})

describe('keyValueModel', () => {
  const model = keyValueModel<number>()
  acceptsCalls(model, [
    ...([
      [get, undefined],
      [put(1), undefined],
      [get, 1],
      [remove, true],
      [remove, false],
      [get, undefined],
    ] as const),
    ...([
      [putIf(1, 2), false],
      [putIf(undefined, 2), true],
      [putIf(2, 3), true],
      [get, 3],
    ] as const),
    [{ type: 'get', key: 'other' }, undefined],
  ])
  rejectsCalls(model, 'a get of a deleted value', [
    [put(1), undefined],
    [remove, true],
    [get, 1],
  ])
  rejectsCalls(model, 'a delete of a missing key that reports success', [[remove, true]])
  rejectsCalls(model, 'a compare-and-set that succeeds on a different value', [
    [put(1), undefined],
    [putIf(2, 3), true],
  ])
  rejectsCalls(model, 'a value that appears under another key', [
    [put(1), undefined],
    [{ type: 'get', key: 'other' }, 1],
  ])
})

describe('queueModel', () => {
  const model = queueModel<string>()
  acceptsCalls(model, [
    ...([
      [dequeue, undefined],
      [enqueue('a'), undefined],
      [enqueue('b'), undefined],
      [dequeue, 'a'],
      [dequeue, 'b'],
    ] as const),
    [dequeue, undefined],
  ])
  rejectsCalls(model, 'a value that is dequeued twice', [
    [enqueue('a'), undefined],
    [dequeue, 'a'],
    [dequeue, 'a'],
  ])
  rejectsCalls(model, 'a lost value', [
    [enqueue('a'), undefined],
    [dequeue, undefined],
  ])
  rejectsCalls(model, 'a last-in, first-out order', [
    [enqueue('a'), undefined],
    [enqueue('b'), undefined],
    [dequeue, 'b'],
  ])
})

describe('counterModel', () => {
  const model = counterModel(10)
  acceptsCalls(model, [
    [read, 10],
    [add(2), 12],
    [add(-3), 9],
    [read, 9],
  ])
  rejectsCalls(model, 'an addition that is counted twice', [
    [add(1), 11],
    [read, 12],
  ])
  rejectsCalls(model, 'a lost addition', [
    [add(1), 11],
    [add(1), 11],
  ])
})

describe('the built-in models', () => {
  it('distinguish 1 from "1", and undefined from "undefined"', () => {
    const model = registerModel<number | string | null | undefined>(1)
    for (const result of ['1', 'undefined', undefined, null, Number.NaN])
      assert.equal(checkLinearizable(model, [ok('a', [1, 2], read, result)]).verdict, 'violated', String(result))
  })
})

function acceptsCalls<State, Operation, Result>(
  model: Model<State, Operation, Result>,
  calls: ExpectedCalls<Operation, Result>,
): void {
  it('accepts valid results', () => assert.equal(verdictOn(model, calls), 'linearizable'))
}

function rejectsCalls<State, Operation, Result>(
  model: Model<State, Operation, Result>,
  what: string,
  calls: ExpectedCalls<Operation, Result>,
): void {
  it(`rejects ${what}`, () => assert.equal(verdictOn(model, calls), 'violated'))
}

function verdictOn<State, Operation, Result>(
  model: Model<State, Operation, Result>,
  expected: ExpectedCalls<Operation, Result>,
): string {
  const calls = expected.map(([operation, result], turn) => ok('a', [2 * turn, 2 * turn + 1], operation, result))
  return checkLinearizable(model, calls).verdict
}

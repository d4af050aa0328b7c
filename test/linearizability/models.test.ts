/** Each ready-made model, held against a history that keeps it and against one that does not. */
import assert from 'node:assert/strict'
import type { Model } from 'quorate/testing'
import {
  checkLinearizable,
  compareAndSetModel,
  counterModel,
  keyValueModel,
  queueModel,
  registerModel,
} from 'quorate/testing'
import { ok } from './calls.ts'

/** What one client, alone, is told in this order. */
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

describe('the model of a register', () => {
  const model = registerModel('')
  acceptsCalls(model, [
    [read, ''],
    [write('a'), undefined],
    [read, 'a'],
    [write(''), undefined],
    [read, ''],
  ])
  rejectsCalls(model, 'a read of what is not there', [[read, 'a']])
  rejectsCalls(model, 'a write that did nothing', [
    [write('a'), undefined],
    [read, ''],
  ])
})

describe('the model of a compare-and-set register', () => {
  const model = compareAndSetModel('')
  acceptsCalls(model, [
    [compareAndSet('x', 'a'), false],
    [compareAndSet('', 'a'), true],
    [read, 'a'],
    [write('b'), undefined],
    [read, 'b'],
  ])
  rejectsCalls(model, 'a compare-and-set done on another value', [[compareAndSet('x', 'a'), true]])
  rejectsCalls(model, 'a compare-and-set not done on the value', [[compareAndSet('', 'a'), false]])
  rejectsCalls(model, 'a compare-and-set that says no and does it', [
    [compareAndSet('x', 'a'), false],
    [read, 'a'],
  ])
})

describe('the model of keys and values', () => {
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
  rejectsCalls(model, 'a delete of nothing that says it was there', [[remove, true]])
  rejectsCalls(model, 'a compare-and-set done on another value', [
    [put(1), undefined],
    [putIf(2, 3), true],
  ])
  rejectsCalls(model, 'a value that shows under another key', [
    [put(1), undefined],
    [{ type: 'get', key: 'other' }, 1],
  ])
})

describe('the model of a queue', () => {
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
  rejectsCalls(model, 'a value that comes out twice', [
    [enqueue('a'), undefined],
    [dequeue, 'a'],
    [dequeue, 'a'],
  ])
  rejectsCalls(model, 'a value that is lost', [
    [enqueue('a'), undefined],
    [dequeue, undefined],
  ])
  rejectsCalls(model, 'the last in that is the first out', [
    [enqueue('a'), undefined],
    [enqueue('b'), undefined],
    [dequeue, 'b'],
  ])
})

describe('the model of a counter', () => {
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
  rejectsCalls(model, 'an addition that is lost', [
    [add(1), 11],
    [add(1), 11],
  ])
})

describe('the ready-made models', () => {
  it('tell 1 from "1", and no value from a text that says so', () => {
    const model = registerModel<number | string | null | undefined>(1)
    for (const told of ['1', 'undefined', undefined, null, Number.NaN])
      assert.equal(checkLinearizable(model, [ok('a', [1, 2], read, told)]).verdict, 'violated', String(told))
  })
})

function acceptsCalls<State, Operation, Result>(
  model: Model<State, Operation, Result>,
  calls: ExpectedCalls<Operation, Result>,
): void {
  it('explains what is right', () => assert.equal(verdictOn(model, calls), 'linearizable'))
}

function rejectsCalls<State, Operation, Result>(
  model: Model<State, Operation, Result>,
  what: string,
  calls: ExpectedCalls<Operation, Result>,
): void {
  it(`does not explain ${what}`, () => assert.equal(verdictOn(model, calls), 'violated'))
}

function verdictOn<State, Operation, Result>(
  model: Model<State, Operation, Result>,
  expected: ExpectedCalls<Operation, Result>,
): string {
  const calls = expected.map(([operation, result], turn) => ok('a', [2 * turn, 2 * turn + 1], operation, result))
  return checkLinearizable(model, calls).verdict
}

/** Random histories of real objects are linearizable; with some results replaced, the verdict equals that of a brute-force check. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Model, RecordedCall } from 'quorate/linearizability'
import {
  checkLinearizable,
  compareAndSetModel,
  counterModel,
  keyValueModel,
  queueModel,
  registerModel,
} from 'quorate/linearizability'
import { isLinearizableByBruteForce } from './calls.ts'

const RUNS = 700
/** The brute-force check is exponential in the number of calls. */
const BRUTE_FORCE_CALLS_MAX = 6
const CALLS_MAX = 60

interface ObjectKind {
  readonly name: string
  readonly model: Model<unknown, unknown, unknown>
  readonly operation: fc.Arbitrary<unknown>
  /** Results that a client might receive, correct or not. */
  readonly result: fc.Arbitrary<unknown>
}

const value = fc.integer({ min: 0, max: 2 })
const key = fc.constantFrom('x', 'y')
const nothing = fc.constant(undefined)
const read = fc.constant({ type: 'read' })
const write = fc.record({ type: fc.constant('write'), value })

const KINDS: readonly ObjectKind[] = [
  kind('a register', registerModel(0), fc.oneof(read, write), fc.oneof(value, nothing)),
  kind(
    'a compare-and-set register',
    compareAndSetModel(0),
    fc.oneof(read, write, fc.record({ type: fc.constant('compareAndSet'), expected: value, value })),
    fc.oneof(value, nothing, fc.boolean()),
  ),
  kind(
    'keys and values',
    keyValueModel<number>(),
    fc.oneof(
      fc.record({ type: fc.constantFrom('get', 'delete'), key }),
      fc.record({ type: fc.constant('put'), key, value }),
      fc.record({ type: fc.constant('compareAndSet'), key, expected: fc.option(value, { nil: undefined }), value }),
    ),
    fc.oneof(value, nothing, fc.boolean()),
  ),
  kind(
    'a queue',
    queueModel<number>(),
    fc.oneof(fc.record({ type: fc.constant('enqueue'), value }), fc.constant({ type: 'dequeue' })),
    fc.oneof(value, nothing),
  ),
  kind(
    'a counter',
    counterModel(),
    fc.oneof(read, fc.record({ type: fc.constant('add'), amount: value })),
    fc.integer({ min: 0, max: 4 }),
  ),
]

for (const kind of KINDS) {
  describe(`checkLinearizable on random histories of ${kind.name}`, () => {
    it('accepts every history of a real object, whatever the outcomes of its calls', () => {
      fc.assert(
        fc.property(historiesOf(kind, CALLS_MAX), (calls) => {
          const outcome = checkLinearizable(kind.model, calls)
          assert.equal(outcome.verdict, 'linearizable')
          assert.ok(outcome.verdict === 'linearizable' && explains(kind.model, outcome.order, calls))
        }),
        { numRuns: RUNS / 5 },
      )
    })

    it('agrees with a brute-force check when results are replaced', () => {
      const verdicts = { linearizable: 0, violated: 0, undecided: 0 }
      fc.assert(
        fc.property(mutated(kind, BRUTE_FORCE_CALLS_MAX), (calls) => {
          const outcome = checkLinearizable(kind.model, calls)
          verdicts[outcome.verdict]++
          assert.equal(outcome.verdict, isLinearizableByBruteForce(kind.model, calls) ? 'linearizable' : 'violated')
          if (outcome.verdict === 'linearizable') assert.ok(explains(kind.model, outcome.order, calls))
          else assert.ok(outcome.verdict === 'violated' && outcome.html().includes('impossible'))
        }),
        { numRuns: RUNS },
      )
      // Otherwise the comparison would cover one verdict only.
      assert.ok(Math.min(verdicts.linearizable, verdicts.violated) > RUNS / 10, JSON.stringify(verdicts))
    })
  })
}

function kind<State, Operation, Result>(
  name: string,
  model: Model<State, Operation, Result>,
  operation: fc.Arbitrary<unknown>,
  result: fc.Arbitrary<unknown>,
): ObjectKind {
  return { name, model: model as Model<unknown, unknown, unknown>, operation, result }
}

/** Calls applied one after the other to a real object; each call's recorded interval extends around its effect. */
function historiesOf(
  { model, operation }: ObjectKind,
  callsMax: number,
): fc.Arbitrary<RecordedCall<unknown, unknown>[]> {
  const extension = fc.integer({ min: 0, max: 6 })
  const fate = fc.constantFrom('ok', 'ok', 'ok', 'ok', 'unknown', 'lost', 'rejected', 'open')
  const call = fc.record({ operation, fate, client: fc.nat(4), before: extension, after: extension })
  return fc.array(call, { maxLength: callsMax }).map((drawn) => {
    const states = new Map<string | undefined, unknown>()
    return drawn.map(({ operation, fate, client, before, after }, turn): RecordedCall<unknown, unknown> => {
      const key = model.key?.(operation)
      const state = states.has(key) ? states.get(key) : model.initial()
      const done = model.step(state, operation)
      if (fate !== 'lost' && fate !== 'rejected') states.set(key, done.state)
      const [calledAt, at] = [4 * turn - before, 4 * turn + after]
      if (fate === 'ok') return { client, operation, calledAt, answer: { type: 'ok', at, result: done.result } }
      if (fate === 'open') return { client, operation, calledAt, answer: undefined }
      return { client, operation, calledAt, answer: { type: fate === 'rejected' ? 'rejected' : 'unknown', at } }
    })
  })
}

/** A history in which up to three results are replaced. */
function mutated(kind: ObjectKind, callsMax: number): fc.Arbitrary<RecordedCall<unknown, unknown>[]> {
  const change = fc.record({ place: fc.nat(callsMax - 1), result: kind.result })
  return fc.tuple(historiesOf(kind, callsMax), fc.array(change, { maxLength: 3 })).map(([calls, changes]) => {
    const changed = [...calls]
    for (const { place, result } of changes) {
      const call = changed[place]
      if (call?.answer?.type === 'ok') changed[place] = { ...call, answer: { ...call.answer, result } }
    }
    return changed
  })
}

/** Whether an order is a linearization: it has every answered call, results match the model, and real-time order holds. */
function explains(
  model: Model<unknown, unknown, unknown>,
  order: readonly RecordedCall<unknown, unknown>[],
  calls: readonly RecordedCall<unknown, unknown>[],
): boolean {
  const states = new Map<string | undefined, unknown>()
  let latestBegin = Number.NEGATIVE_INFINITY
  for (const { operation, calledAt, answer } of order) {
    const key = model.key?.(operation)
    const done = model.step(states.has(key) ? states.get(key) : model.initial(), operation)
    states.set(key, done.state)
    if (answer?.type === 'rejected') return false
    if (answer?.type === 'ok') {
      assert.deepEqual(answer.result, done.result)
      if (answer.at < latestBegin) return false
    }
    latestBegin = Math.max(latestBegin, calledAt)
  }
  const placed = new Set(order)
  return placed.size === order.length && calls.every((call) => call.answer?.type !== 'ok' || placed.has(call))
}

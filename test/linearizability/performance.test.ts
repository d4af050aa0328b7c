/** The running time of a check on a history of the size that a run against a real cluster produces. */
import assert from 'node:assert/strict'
import type { KeyValueOperation, RecordedCall } from 'quorate/linearizability'
import { checkLinearizable, keyValueModel } from 'quorate/linearizability'
import { SeededRandom } from '../../src/testing/simulation/seeded-random.ts'

const CALLS = 10_000
const CLIENTS = 50

type Call = RecordedCall<KeyValueOperation<number>, number | boolean | undefined>

describe('checking 10,000 calls by 50 clients on 20 keys', () => {
  for (const { title, isStale } of [
    { title: 'accepts a valid history', isStale: false },
    { title: 'explains one stale read', isStale: true },
  ])
    it(`${title} within two seconds`, () => {
      const calls = history(20)
      if (isStale) addStaleRead(calls)
      const began = process.cpuUsage()
      const outcome = checkLinearizable(keyValueModel<number>(), calls)
      const tookMs = process.cpuUsage(began).user / 1000
      assert.equal(outcome.verdict, isStale ? 'violated' : 'linearizable')
      assert.ok(tookMs < 2000, `${tookMs} ms`)
    })
})

/** Concurrent calls of all clients on one store. One call in a hundred has an unknown outcome. */
function history(keys: number): Call[] {
  const random = new SeededRandom(7)
  const stores = new Map<string, number>()
  const calls: Call[] = []
  const free = Array.from({ length: CLIENTS }, () => 0)
  for (let turn = 0; turn < CALLS; turn++) {
    const client = free.indexOf(Math.min(...free))
    const calledAt = free[client] as number
    const at = calledAt + 1 + random.below(1000)
    free[client] = at + 1
    calls.push({
      client,
      operation: operationOf(random, keys, turn),
      calledAt,
      answer: { type: 'ok', at, result: undefined },
    })
  }
  const effectAt = new Map(
    calls.map((call) => [call, call.calledAt + random.below((call.answer?.at ?? 0) - call.calledAt)]),
  )
  const answered = new Map<Call, Call>()
  for (const call of [...calls].sort((a, b) => (effectAt.get(a) as number) - (effectAt.get(b) as number))) {
    const { key } = call.operation
    const isLost = random.below(100) === 0
    const { state, result } = keyValueModel<number>().step(stores.get(key), call.operation)
    if (state === undefined) stores.delete(key)
    else stores.set(key, state)
    const at = call.answer?.at as number
    answered.set(call, { ...call, answer: isLost ? { type: 'unknown', at } : { type: 'ok', at, result } })
  }
  return calls.map((call) => answered.get(call) as Call)
}

function operationOf(random: SeededRandom, keys: number, turn: number): KeyValueOperation<number> {
  const key = `k${random.below(keys)}`
  const what = random.below(10)
  if (what < 5) return { type: 'get', key }
  if (what < 8) return { type: 'put', key, value: turn }
  if (what < 9) return { type: 'compareAndSet', key, expected: turn - random.below(50), value: turn }
  return { type: 'delete', key }
}

/** Replaces the result of a late get by a much older value. */
function addStaleRead(calls: Call[]): void {
  const place = calls.findIndex(
    (call, turn) => turn > 8000 && call.operation.type === 'get' && call.answer?.type === 'ok',
  )
  const late = calls[place] as Call
  const old = calls.find(({ operation }) => operation.type === 'put' && operation.key === late.operation.key) as Call
  const result = old.operation.type === 'put' ? old.operation.value : undefined
  calls[place] = { ...late, answer: { type: 'ok', at: late.answer?.at as number, result } }
}

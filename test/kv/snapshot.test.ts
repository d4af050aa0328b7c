/** Snapshots of the key-value machine contain the state at the time of the call, and are encoded in short turns. */
import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import * as fc from 'fast-check'
import { KeyValueMachine } from '../../src/kv/index.ts'

describe("the key-value machine's snapshot", () => {
  it('contains the state at the time of the call although writes continue while it is read', async () => {
    const machine = filled(20_000)
    const before = digest(machine)
    const chunks: Uint8Array[] = []
    let index = 20_000
    for await (const chunk of machine.snapshot()) {
      chunks.push(chunk)
      for (let write = 0; write < 500; write++) {
        index++
        const key = `key-${(index * 7919) % 25_000}`
        if (index % 3 === 0) machine.apply({ type: 'delete', key }, { index, term: 1, machineVersion: 1 })
        else
          machine.apply(
            { type: 'put', key, value: Buffer.from(`late ${index}`) },
            { index, term: 1, machineVersion: 1 },
          )
      }
    }
    assert.ok(chunks.length > 5)
    assert.notEqual(digest(machine), before)
    assert.equal(digest(await restored(chunks)), before)
  })

  it('restores to the same state, whose snapshot has the same bytes', () =>
    fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.tuple(fc.string({ minLength: 1, unit: 'binary' }), fc.uint8Array()), {
          selector: ([key]) => key,
        }),
        fc.integer({ min: 1, max: 40 }),
        async (pairs, chunkBytes) => {
          const machine = new KeyValueMachine()
          for (const [offset, [key, value]] of pairs.entries())
            machine.apply({ type: 'put', key, value }, { index: offset + 1, term: 1, machineVersion: 1 })
          const bytes = Buffer.concat([...machine.snapshot()])
          const copy = await restored(cut(bytes, chunkBytes))
          assert.equal(digest(copy), digest(machine))
          assert.equal(copy.size, pairs.length)
          assert.deepEqual(Buffer.concat([...copy.snapshot()]), bytes)
        },
      ),
    ))

  it('replaces the whole state when it is restored', async () => {
    const old = filled(100)
    const chunks = [...filled(3).snapshot()]
    await old.restore(stream(chunks))
    assert.equal(old.size, 3)
    assert.equal(digest(old), digest(filled(3)))
  })

  it('is refused without changing the state if a byte is missing, added or changed', () =>
    fc.assert(
      fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const bytes = Buffer.concat([...filled(10).snapshot()])
        const changed = Buffer.from(bytes)
        const offset = at % bytes.length
        changed[offset] = (changed[offset] as number) ^ flip
        for (const bad of [bytes.subarray(0, offset), Buffer.concat([bytes, bytes.subarray(0, 1)]), changed]) {
          const machine = filled(4)
          await assert.rejects(machine.restore(stream([bad])), { code: 'ERR_RAFT_CORRUPT' })
          assert.equal(digest(machine), digest(filled(4)))
        }
      }),
    ))

  it('is encoded in short turns even with many keys', async function () {
    this.timeout(60_000)
    const machine = filled(250_000)
    const turns: number[] = []
    const turn = <Result>(work: () => Result): Result => {
      const began = performance.now()
      const result = work()
      turns.push(performance.now() - began)
      return result
    }
    const chunks = turn(() => machine.snapshot()[Symbol.iterator]())
    let index = 250_000
    for (;;) {
      const isDone = turn(() => {
        for (let write = 0; write < 100; write++) {
          index++
          machine.apply(
            { type: 'put', key: `key-${(index * 7919) % 250_000}`, value: VALUE },
            { index, term: 1, machineVersion: 1 },
          )
        }
        return chunks.next().done
      })
      if (isDone) break
      await setImmediate()
    }
    // The limit is relative to the total time: a busy machine makes every turn longer.
    const total = turns.reduce((sum, ms) => sum + ms, 0)
    const longest = Math.max(...turns)
    assert.ok(turns.length > 200)
    assert.ok(longest < total / 4, `the longest of ${turns.length} turns took ${longest} ms of ${total} ms`)
  })
})

const VALUE = Buffer.from('a value of thirty-two bytes, fixed')

function filled(count: number): KeyValueMachine {
  const machine = new KeyValueMachine()
  for (let index = 1; index <= count; index++)
    machine.apply({ type: 'put', key: `key-${index}`, value: VALUE }, { index, term: 1, machineVersion: 1 })
  return machine
}

function digest(machine: KeyValueMachine): string {
  const answer = machine.query({ type: 'digest' })
  assert.ok(answer.type === 'digest')
  return `${answer.count} ${answer.digest}`
}

async function restored(chunks: readonly Uint8Array[]): Promise<KeyValueMachine> {
  const machine = new KeyValueMachine()
  await machine.restore(stream(chunks))
  return machine
}

async function* stream(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks
}

function cut(bytes: Uint8Array, size: number): Uint8Array[] {
  const chunks: Uint8Array[] = []
  for (let from = 0; from < bytes.length; from += size) chunks.push(bytes.subarray(from, from + size))
  return chunks
}

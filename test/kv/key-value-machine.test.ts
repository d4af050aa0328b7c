/** Compares the key-value machine with a simple model on a Map. */
import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import type { KvAnswer, KvCommand, KvExpectation, KvQuery, KvResult } from '../../src/kv/index.ts'
import { KeyValueMachine, kvAnswerCodec, kvCommandCodec, kvQueryCodec, kvResultCodec } from '../../src/kv/index.ts'

describe('the key-value machine', () => {
  it('behaves like a Map', () =>
    fc.assert(
      fc.property(fc.array(commands(), { maxLength: 200 }), (list) => {
        const machine = new KeyValueMachine()
        const model = new Model()
        for (const [offset, command] of list.entries()) {
          const context = { index: offset + 1, term: 1, machineVersion: 1 }
          assert.deepEqual(readable(machine.apply(command, context)), readable(model.apply(command, offset + 1)))
        }
        assert.deepEqual(contents(machine), model.contents())
      }),
    ))

  it('behaves like a Map with many keys, where the tree has several levels', () =>
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(3000), fc.boolean()), { minLength: 3000, maxLength: 6000, size: 'max' }),
        (list) => {
          const machine = new KeyValueMachine()
          const model = new Model()
          for (const [offset, [number, isDelete]] of list.entries()) {
            const key = `key-${number}`
            const command: KvCommand = isDelete ? { type: 'delete', key } : { type: 'put', key, value: text('v') }
            machine.apply(command, { index: offset + 1, term: 1, machineVersion: 1 })
            model.apply(command, offset + 1)
            if (offset % 1000 === 0) drain(machine.snapshot())
          }
          assert.deepEqual(contents(machine), model.contents())
        },
      ),
      { numRuns: 10 },
    ))

  it('writes, reads, compares, sets and deletes', () => {
    const machine = new KeyValueMachine()
    const apply = (command: KvCommand, index: number) => machine.apply(command, { index, term: 1, machineVersion: 1 })
    assert.deepEqual(apply(put('a', '1'), 1), { type: 'written', version: 1 })
    assert.deepEqual(apply(put('a', '2'), 2), { type: 'written', version: 2 })
    assert.equal(apply(cas('a', { type: 'value', value: text('1') }, '3'), 3).type, 'mismatch')
    assert.deepEqual(apply(cas('a', { type: 'value', value: text('2') }, '3'), 4), { type: 'written', version: 3 })
    assert.deepEqual(apply(cas('a', { type: 'index', index: 4 }, '4'), 5), { type: 'written', version: 4 })
    assert.equal(apply(cas('a', { type: 'absent' }, '5'), 6).type, 'mismatch')
    assert.deepEqual(apply(cas('b', { type: 'absent' }, '5'), 7), { type: 'written', version: 1 })
    assert.deepEqual(apply({ type: 'delete', key: 'a' }, 8), { type: 'deleted' })
    assert.deepEqual(apply({ type: 'delete', key: 'a' }, 9), { type: 'absent' })
    assert.deepEqual(apply(cas('a', { type: 'value', value: text('4') }, '6'), 10), {
      type: 'mismatch',
      entry: undefined,
    })
    assert.deepEqual(apply(put('a', '7'), 11), { type: 'written', version: 1 })
    assert.deepEqual(contents(machine), ['a=7 version 1 index 11', 'b=5 version 1 index 7'])
  })

  it('lists a prefix page by page, each key once and in order', () =>
    fc.assert(
      fc.property(
        fc.uniqueArray(keys(), { maxLength: 60 }),
        fc.string({ maxLength: 2 }),
        fc.integer({ min: 1, max: 9 }),
        (all, prefix, limit) => {
          const machine = new KeyValueMachine()
          for (const key of all) machine.apply(put(key, 'v'), { index: 1, term: 1, machineVersion: 1 })
          const expected = all.filter((key) => key.startsWith(prefix)).sort()
          assert.deepEqual(listed(machine, prefix, limit), expected)
        },
      ),
    ))

  it('ends a page of large values at about a mebibyte', () => {
    const machine = new KeyValueMachine()
    for (let index = 1; index <= 10; index++)
      machine.apply(
        { type: 'put', key: `k${index}`, value: new Uint8Array(400_000) },
        { index, term: 1, machineVersion: 1 },
      )
    const answer = machine.query({ type: 'list', prefix: '', limit: 1000 })
    assert.ok(answer.type === 'listed' && answer.more)
    assert.equal(answer.entries.length, 3)
    assert.equal(listed(machine, '', 1000).length, 10)
  })

  it('keeps every byte of a value', () => {
    const machine = new KeyValueMachine()
    const value = Uint8Array.from({ length: 256 }, (_, byte) => byte)
    machine.apply({ type: 'put', key: 'k', value }, { index: 1, term: 1, machineVersion: 1 })
    const answer = machine.query({ type: 'get', key: 'k' })
    assert.ok(answer.type === 'found')
    assert.deepEqual(Uint8Array.from(answer.entry.value), value)
  })

  it('has equal digests for equal states and different digests for different states', () => {
    const one = new KeyValueMachine()
    const other = new KeyValueMachine()
    for (const machine of [one, other]) {
      machine.apply(put('a', '1'), { index: 1, term: 1, machineVersion: 1 })
      machine.apply(put('b', '2'), { index: 2, term: 1, machineVersion: 1 })
    }
    assert.equal(digest(one), digest(other))
    other.apply(put('a', '2'), { index: 3, term: 1, machineVersion: 1 })
    assert.notEqual(digest(one), digest(other))
    one.apply(put('a', '2'), { index: 4, term: 1, machineVersion: 1 })
    assert.notEqual(digest(one), digest(other), 'the same value written at another index is another state')
  })
})

describe('a key-value codec', () => {
  it('round-trips every command', () =>
    fc.assert(
      fc.property(commands(), (command) => {
        const decoded = kvCommandCodec.decode(kvCommandCodec.encode(command))
        assert.deepEqual(readable(decoded), readable(command))
      }),
    ))

  it('decodes arbitrary bytes as a command or a query without throwing', () =>
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), mutatedCommands()), (bytes) => {
        const machine = new KeyValueMachine()
        const result = machine.apply(kvCommandCodec.decode(bytes), { index: 1, term: 1, machineVersion: 1 })
        kvResultCodec.decode(kvResultCodec.encode(result))
        const answer = machine.query(kvQueryCodec.decode(bytes))
        kvAnswerCodec.decode(kvAnswerCodec.encode(answer))
      }),
      { numRuns: 2000 },
    ))

  for (const { name, bytes, reason } of [
    { name: 'no bytes', bytes: [], reason: /ends before the end of its operation/ },
    { name: 'an unknown operation', bytes: [9, 1, 0, 0, 0, 97], reason: /unknown operation 9/ },
    {
      name: 'a key longer than the rest',
      bytes: [1, 255, 255, 255, 255, 97],
      reason: /ends before the end of its key/,
    },
    { name: 'a key that is not UTF-8', bytes: [1, 1, 0, 0, 0, 255], reason: /key is not UTF-8/ },
    { name: 'an empty key', bytes: [1, 0, 0, 0, 0], reason: /key is empty/ },
    { name: 'bytes after a delete', bytes: [2, 1, 0, 0, 0, 97, 1], reason: /1 bytes are left over/ },
    {
      name: 'a key of 1025 bytes',
      bytes: [2, 1, 4, 0, 0, ...Array(1025).fill(97)],
      reason: /1025 bytes, the limit is 1024/,
    },
  ])
    it(`makes the machine refuse ${name} with the reason in the result`, () => {
      const result = new KeyValueMachine().apply(kvCommandCodec.decode(Uint8Array.from(bytes)), {
        index: 1,
        term: 1,
        machineVersion: 1,
      })
      assert.ok(result.type === 'refused')
      assert.match(result.reason, reason)
    })

  it('refuses to encode an invalid key', () => {
    for (const key of ['', 'x'.repeat(1025), 'half \ud800'])
      assert.throws(() => kvCommandCodec.encode(put(key, 'v')), { code: 'ERR_RAFT_OPTIONS' })
  })

  it('round-trips every query, result and answer', () => {
    const entry = { key: 'é', value: Buffer.from([0, 255]), version: 3, index: 2 ** 40 }
    const queries: KvQuery[] = [
      { type: 'get', key: 'a' },
      { type: 'list', prefix: 'a', limit: 10, after: 'ab' },
      { type: 'list', prefix: '', limit: 10, after: undefined },
      { type: 'digest' },
    ]
    for (const query of queries) assert.deepEqual(kvQueryCodec.decode(kvQueryCodec.encode(query)), query)
    const results: KvResult[] = [
      { type: 'written', version: 7 },
      { type: 'deleted' },
      { type: 'absent' },
      { type: 'mismatch', entry: undefined },
      { type: 'mismatch', entry },
      { type: 'refused', reason: 'no' },
    ]
    for (const result of results)
      assert.deepEqual(readable(kvResultCodec.decode(kvResultCodec.encode(result))), readable(result))
    const answers: KvAnswer[] = [
      { type: 'found', entry },
      { type: 'absent' },
      { type: 'listed', entries: [entry, entry], more: true },
      { type: 'digest', count: 2, digest: '0123456789abcdef' },
      { type: 'refused', reason: 'no' },
    ]
    for (const answer of answers)
      assert.deepEqual(readable(kvAnswerCodec.decode(kvAnswerCodec.encode(answer))), readable(answer))
  })
})

/** The simple model. */
class Model {
  readonly entries = new Map<string, { value: Uint8Array; version: number; index: number }>()

  apply(command: KvCommand, index: number): KvResult {
    if (command.type === 'malformed') return { type: 'refused', reason: `bad command: ${command.reason}` }
    const { key } = command
    const found = this.entries.get(key)
    if (command.type === 'delete') return { type: this.entries.delete(key) ? 'deleted' : 'absent' }
    if (command.type === 'compareAndSet' && !this.matches(key, command.expected))
      return { type: 'mismatch', entry: found === undefined ? undefined : { key, ...found } }
    const version = (found?.version ?? 0) + 1
    this.entries.set(key, { value: command.value, version, index })
    return { type: 'written', version }
  }

  matches(key: string, expected: KvExpectation): boolean {
    const found = this.entries.get(key)
    if (expected.type === 'absent') return found === undefined
    if (found === undefined) return false
    if (expected.type === 'index') return found.index === expected.index
    return Buffer.compare(found.value, expected.value) === 0
  }

  contents(): string[] {
    return [...this.entries]
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([key, { value, version, index }]) => `${key}=${Buffer.from(value)} version ${version} index ${index}`)
  }
}

function keys(): fc.Arbitrary<string> {
  return fc.oneof(
    fc.constantFrom('a', 'ab', 'abc', 'b', 'ba', 'é', '𝄞', '\uffff'),
    fc.string({ minLength: 1, maxLength: 3 }),
  )
}

function values(): fc.Arbitrary<Uint8Array> {
  return fc.oneof(fc.constantFrom(text(''), text('1'), text('2')), fc.uint8Array({ maxLength: 8 }))
}

function commands(): fc.Arbitrary<KvCommand> {
  const expected: fc.Arbitrary<KvExpectation> = fc.oneof(
    fc.constant({ type: 'absent' } as const),
    values().map((value) => ({ type: 'value', value }) as const),
    fc.nat(200).map((index) => ({ type: 'index', index }) as const),
  )
  return fc.oneof(
    fc.record({ type: fc.constant('put' as const), key: keys(), value: values() }),
    fc.record({ type: fc.constant('delete' as const), key: keys() }),
    fc.record({ type: fc.constant('compareAndSet' as const), key: keys(), expected, value: values() }),
  )
}

function mutatedCommands(): fc.Arbitrary<Uint8Array> {
  return fc.tuple(commands(), fc.nat(), fc.nat(255), fc.boolean()).map(([command, at, byte, isCut]) => {
    const bytes = Uint8Array.from(kvCommandCodec.encode(command))
    bytes[at % bytes.length] = byte
    return isCut ? bytes.subarray(0, at % bytes.length) : bytes
  })
}

function put(key: string, value: string): KvCommand {
  return { type: 'put', key, value: text(value) }
}

function cas(key: string, expected: KvExpectation, value: string): KvCommand {
  return { type: 'compareAndSet', key, expected, value: text(value) }
}

function text(value: string): Uint8Array {
  return Buffer.from(value)
}

function digest(machine: KeyValueMachine): string {
  const answer = machine.query({ type: 'digest' })
  assert.ok(answer.type === 'digest')
  return answer.digest
}

function drain(chunks: Iterable<Uint8Array>): void {
  for (const chunk of chunks) assert.ok(chunk.length > 0)
}

function contents(machine: KeyValueMachine): string[] {
  const all: string[] = []
  for (let after: string | undefined; ; ) {
    const answer = machine.query({ type: 'list', prefix: '', limit: 1000, after })
    assert.ok(answer.type === 'listed')
    for (const { key, value, version, index } of answer.entries)
      all.push(`${key}=${Buffer.from(value)} version ${version} index ${index}`)
    if (!answer.more) return all
    after = answer.entries.at(-1)?.key
  }
}

function listed(machine: KeyValueMachine, prefix: string, limit: number): string[] {
  const found: string[] = []
  for (let after: string | undefined; ; ) {
    const answer = machine.query({ type: 'list', prefix, limit, after })
    assert.ok(answer.type === 'listed')
    found.push(...answer.entries.map((entry) => entry.key))
    if (!answer.more) return found
    after = found.at(-1)
  }
}

/** Replaces every array of bytes by text, so that a Buffer equals a Uint8Array. */
function readable(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, part) =>
      part?.type === 'Buffer' || part instanceof Uint8Array
        ? `bytes ${Buffer.from(part.data ?? part).toString('hex')}`
        : part,
    ),
  )
}

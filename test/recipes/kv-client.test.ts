import assert from 'node:assert/strict'
import { KeyValueMachine, kvClient, kvCodecs } from '../../src/recipes/index.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const textOf = (value: Uint8Array | undefined): string => new TextDecoder().decode(value)

describe('the key-value client', () => {
  it('writes, reads, lists and deletes keys', async () => {
    const keys = start()
    assert.deepEqual(
      [await keys.put('a/1', bytes('x')), await keys.put('a/1', bytes('y'))],
      [{ version: 1 }, { version: 2 }],
    )
    await keys.put('a/2', bytes('z'))
    await keys.put('b', bytes(''))
    assert.equal(textOf((await keys.get('a/1'))?.value), 'y')
    const page = await keys.list('a/', { limit: 1 })
    assert.deepEqual([page.entries.map(({ key }) => key), page.more], [['a/1'], true])
    assert.deepEqual(
      (await keys.list('a/', { after: 'a/1' })).entries.map(({ key }) => key),
      ['a/2'],
    )
    assert.deepEqual(
      [await keys.delete('a/1'), await keys.delete('a/1'), await keys.get('a/1')],
      [true, false, undefined],
    )
  })

  it('writes a key only if its revision is as expected', async () => {
    const keys = start()
    assert.equal((await keys.compareAndSet('a', { type: 'absent' }, bytes('1'))).isWritten, true)
    const { index = 0 } = (await keys.get('a')) ?? {}
    assert.equal((await keys.compareAndSet('a', { type: 'index', index }, bytes('2'))).isWritten, true)
    const late = await keys.compareAndSet('a', { type: 'index', index }, bytes('3'))
    assert.equal(late.isWritten ? undefined : textOf(late.entry?.value), '2')
  })

  it('rejects a key that is empty', async () => {
    await assert.rejects(start().get(''), { code: 'ERR_RAFT_OPTIONS' })
  })
})

function start() {
  const machine = new KeyValueMachine()
  let index = 0
  return kvClient({
    async propose(command) {
      const result = machine.apply(kvCodecs.codec.decode(kvCodecs.codec.encode(command)), {
        index: ++index,
        term: 1,
        machineVersion: 1,
      })
      return kvCodecs.resultCodec.decode(kvCodecs.resultCodec.encode(result))
    },
    async query(query) {
      const answer = machine.query(kvCodecs.queryCodec.decode(kvCodecs.queryCodec.encode(query)))
      return kvCodecs.answerCodec.decode(kvCodecs.answerCodec.encode(answer))
    },
  })
}

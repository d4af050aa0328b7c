import assert from 'node:assert/strict'
import { isRaftError } from '../../src/errors.ts'
import { SessionTable } from '../../src/sessions/session-table.ts'
import { splitTable, withTable } from '../../src/sessions/snapshot-stream.ts'
import { encodeTable } from '../../src/sessions/table-bytes.ts'

const MARK = Buffer.from('514b53f18d02c75eb934e69a1170df0a', 'hex')
const table = { bytes: Buffer.from('the table'), machineVersion: 1 }
const EMPTY = Buffer.from(encodeTable(new SessionTable(), { results: true })).toString('latin1')

async function* asynchronous(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void, undefined> {
  yield* chunks
}

async function bytesOf(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<string> {
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(chunk)
  return Buffer.concat(all).toString('latin1')
}

/** The parts of a snapshot that is read in chunks of this size: the table, the state, and a machine version above 1. */
async function split(bytes: string, size: number): Promise<(string | number)[]> {
  const whole = Buffer.from(bytes, 'latin1')
  const chunks: Buffer[] = []
  for (let offset = 0; offset < whole.length; offset += size) chunks.push(whole.subarray(offset, offset + size))
  const parts = await splitTable(asynchronous(chunks))
  const own = Buffer.from(parts.bytes).toString('latin1')
  const both = [own, await bytesOf(parts.rest)]
  return parts.machineVersion === 1 ? both : [...both, parts.machineVersion]
}

describe('the table of sessions in a snapshot', () => {
  const states: Record<string, readonly Buffer[]> = {
    empty: [],
    short: [Buffer.from('abc')],
    long: [Buffer.from('abc'), Buffer.alloc(0), Buffer.from('d'.repeat(100))],
    'like the mark': [MARK.subarray(0, 5), MARK.subarray(5), Buffer.from('abc')],
  }

  for (const [name, chunks] of Object.entries(states))
    for (const kind of ['synchronous', 'asynchronous'])
      it(`comes before a ${kind} state that is ${name}, and both come back`, async () => {
        const state = Buffer.concat(chunks).toString('latin1')
        const source = kind === 'synchronous' ? chunks : asynchronous(chunks)
        const bytes = await bytesOf(withTable(source, table))
        for (const size of [1, 7, 1000]) assert.deepEqual(await split(bytes, size), ['the table', state])
      })

  it('is left out while no session was used', async () => {
    for (const name of ['empty', 'short', 'long']) {
      const chunks = states[name] as Buffer[]
      const state = Buffer.concat(chunks).toString('latin1')
      for (const source of [chunks, asynchronous(chunks)]) {
        const bytes = await bytesOf(withTable(source, undefined))
        assert.equal(bytes, state)
        assert.deepEqual(await split(bytes, 3), [EMPTY, state])
      }
    }
  })

  it('is an empty one if the state itself begins like the mark', async () => {
    const chunks = states['like the mark'] as Buffer[]
    const state = Buffer.concat(chunks).toString('latin1')
    for (const source of [chunks, asynchronous(chunks)]) {
      const bytes = await bytesOf(withTable(source, undefined))
      assert.deepEqual(await split(bytes, 2), [EMPTY, state])
    }
  })

  it('asks for the first chunk of the state at once, and closes its source', async () => {
    const log: string[] = []
    function* state(): Generator<Uint8Array, void, undefined> {
      try {
        log.push('captured')
        yield Buffer.from('a')
        yield Buffer.from('b')
      } finally {
        log.push('closed')
      }
    }
    const chunks = withTable(state(), undefined) as Iterable<Uint8Array>
    assert.deepEqual(log, ['captured'])
    for (const _ of chunks) break
    assert.deepEqual(log, ['captured', 'closed'])
  })

  it('comes with the machine version once that is above 1, even if no session was used', async () => {
    const bytes = await bytesOf(withTable([Buffer.from('abc')], { ...table, machineVersion: 7 }))
    for (const size of [1, 7, 1000]) assert.deepEqual(await split(bytes, size), ['the table', 'abc', 7])
    // A release without machine versions refuses the snapshot.
    assert.equal(bytes.charCodeAt(16), 2)
  })

  it('is corrupt if it ends early', async () => {
    const bytes = await bytesOf(withTable([], table))
    for (const length of [17, 23, 30])
      await assert.rejects(split(bytes.slice(0, length), 5), (error) => isRaftError(error, 'ERR_RAFT_CORRUPT'))
  })

  it('of a later version is refused', async () => {
    const bytes = await bytesOf(withTable([], table))
    const later = `${bytes.slice(0, 16)}\x03${bytes.slice(17)}`
    await assert.rejects(split(later, 5), (error) => isRaftError(error, 'ERR_RAFT_FORMAT'))
  })
})

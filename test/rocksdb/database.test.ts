/** The wrapper of the addon settles every call, also in orders that would crash or hang the addon. */
import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { isRaftError } from '../../src/errors.ts'
import { loadBinding } from '../../src/rocksdb/binding.ts'
import { Database } from '../../src/rocksdb/database.ts'
import { temporaryDirectory } from '../storage/directory-fixture.ts'

const OPTIONS = { createIfMissing: true, writeBufferBytes: 1024 * 1024, cacheBytes: 1024 * 1024 }
const ALL = { gte: Buffer.from('a'), lt: Buffer.from('z') }
const key = (name: string) => Buffer.from(name)
const isClosed = (error: unknown) => isRaftError(error, 'ERR_RAFT_CLOSED')

describe('the database', () => {
  let root: string
  let database: Database

  beforeEach(async () => {
    root = await temporaryDirectory()
    database = await Database.open(loadBinding(), root, OPTIONS)
    await database.write((batch) => {
      for (const name of ['b', 'c', 'd']) batch.put(key(name), key(`${name}!`))
    }, true)
  })
  afterEach(async () => {
    await database.close()
    await rm(root, { recursive: true, force: true })
  })

  it('rejects every call after close', async () => {
    await database.close()
    await assert.rejects(
      database.write((batch) => batch.put(key('b'), key('1')), true),
      isClosed,
    )
    await assert.rejects(database.getMany([key('b')]), isClosed)
    await assert.rejects(database.clear(ALL), isClosed)
    await assert.rejects(database.compactRange(ALL), isClosed)
    await assert.rejects(collect(database), isClosed)
  })

  it('closes once, however often `close` is called', async () => {
    await Promise.all([database.close(), database.close(), database.close()])
    await database.close()
  })

  it('completes calls in flight before it closes, and rejects new ones', async () => {
    const writes = Array.from({ length: 20 }, (_, at) =>
      database.write((batch) => batch.put(key(`x${at}`), Buffer.alloc(10_000)), true),
    )
    const reads = [database.getMany([key('b')]), database.get(key('c'))]
    const closing = database.close()
    await assert.rejects(database.get(key('b')), isClosed)
    await Promise.all([...writes, ...reads, closing])
  })

  it('ends iterators that were not read to the end', async () => {
    const abandoned = database.entries(ALL)
    await abandoned.next()
    const reading = database.entries(ALL)
    await reading.next()
    await database.close()
    await assert.rejects(reading.next(), isClosed)
    await abandoned.return(undefined)
  })

  it('closes while an iterator is between two steps', async () => {
    const iterating = collect(database).catch((error: unknown) => error)
    await database.close()
    const result = await iterating
    assert.ok(Array.isArray(result) || isClosed(result))
  })

  it('survives an error thrown while a batch is filled', async () => {
    await assert.rejects(
      database.write(() => {
        throw new Error('no such thing')
      }, true),
      /no such thing/,
    )
    assert.equal(String(await database.get(key('b'))), 'b!')
  })

  it('rejects a second open with an error that names the lock, and stays open', async () => {
    await assert.rejects(Database.open(loadBinding(), root, OPTIONS), /LOCK/)
    assert.deepEqual(await collect(database), ['b', 'c', 'd'])
  })
})

async function collect(database: Database): Promise<string[]> {
  const names: string[] = []
  for await (const [name] of database.entries(ALL)) names.push(String(name))
  return names
}

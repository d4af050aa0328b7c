/** Opening detects and locates any single missing, changed or additional key of the database. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { EncodedBlock } from '../../src/contracts/encoded-block.ts'
import { encodeChecksummedJson } from '../../src/data-directory/checksummed-json.ts'
import { encodeCommands } from '../../src/log-format/block.ts'
import type { BindingBatch } from '../../src/rocksdb/binding.ts'
import { loadBinding } from '../../src/rocksdb/binding.ts'
import { Database } from '../../src/rocksdb/database.ts'
import { blockKey, SNAPSHOT_KEY, SUMMARY_KEY } from '../../src/rocksdb/log-keys.ts'
import type { RocksDBFixture } from './rocksdb-fixture.ts'
import { open, openError, rocksdbFixture } from './rocksdb-fixture.ts'

const OPTIONS = { createIfMissing: false, writeBufferBytes: 1 << 20, cacheBytes: 1 << 20 }

describe('opening a log', () => {
  let fixture: RocksDBFixture

  beforeEach(async () => {
    fixture = await rocksdbFixture()
    await writeLog(fixture)
  })
  afterEach(() => fixture.destroy())

  /** Changes the database directly, and opens the storage. */
  const openAfter = async (change: (batch: BindingBatch) => void) => {
    const database = await Database.open(loadBinding(), join(fixture.directory(), 'log'), OPTIONS)
    await database.write(change, true)
    await database.close()
    return openError(fixture.createStorage(), 'ERR_RAFT_CORRUPT')
  }

  for (const { what, change, expected, lastGood } of [
    { what: 'without its first block', change: del(1, 0), expected: /a block starts at 3/, lastGood: 0 },
    { what: 'without a block in the middle', change: del(5, 1), expected: /a block starts at 7/, lastGood: 4 },
    { what: 'without its last block', change: del(11, 2), expected: /should end at 12/, lastGood: 10 },
    {
      what: 'with a block replaced by one of an older term',
      change: put(block(9, 1), 1),
      expected: /follows an entry of term 2/,
      lastGood: 10,
    },
    { what: 'with a block beyond its end', change: put(block(13, 2), 2), expected: /should end at 12/, lastGood: 14 },
    {
      what: 'with a duplicate block',
      change: put(block(5, 1), 0),
      expected: /follows an entry of term 0/,
      lastGood: 4,
    },
    {
      what: 'with a block under the key of another one',
      change: put(block(7, 1), 1, 5),
      expected: /starts at 7/,
      lastGood: 4,
    },
    {
      what: 'with a block of invalid bytes',
      change: putBytes(5, 1, Buffer.alloc(60)),
      expected: /bad block/,
      lastGood: 4,
    },
    { what: 'with a block of a lower term', change: put(block(11, 1), 2), expected: /below 2/, lastGood: 10 },
  ])
    it(`rejects a log ${what}`, async () => {
      const error = await openAfter(change)
      assert.match(error.message, expected)
      assert.equal(error.details.lastGoodIndex, lastGood)
      assert.equal(error.details.firstBadIndex, lastGood + 1)
    })

  for (const { what, change, expected } of [
    { what: 'without its summary', change: (batch: BindingBatch) => batch.del(SUMMARY_KEY), expected: /no summary/ },
    {
      what: 'with a damaged summary',
      change: (batch: BindingBatch) => batch.put(SUMMARY_KEY, Buffer.from('00000000 {}')),
      expected: /summary.*checksum/,
    },
    {
      what: 'without the record of its snapshot',
      change: (batch: BindingBatch) => batch.del(SNAPSHOT_KEY),
      expected: /snapshot/,
    },
    {
      what: 'with the record of an older snapshot',
      change: (batch: BindingBatch) => batch.put(SNAPSHOT_KEY, encodeChecksummedJson({ write: 1, info: {} })),
      expected: /lost the record of its newest snapshot/,
    },
  ])
    it(`rejects a log ${what}`, async () => {
      assert.match((await openAfter(change)).message, expected)
    })
})

/** Blocks of two at 1, 3, 5, 7 in term 1 and at 9, 11 in term 2; a snapshot at 2. */
async function writeLog(fixture: RocksDBFixture): Promise<void> {
  const storage = await open(fixture)
  for (const first of [1, 3, 5, 7])
    await storage.write({ blocks: [block(first, 1)], hardState: term(1), isUrgent: true })
  for (const first of [9, 11]) await storage.write({ blocks: [block(first, 2)], hardState: term(2), isUrgent: true })
  const membership = { members: [], voters: [], outgoing: [], learners: [] }
  const info = { id: 's', index: 2, term: 1, chain: 9, membership, size: 0 }
  await (await storage.snapshots.create(info)).finish()
  await storage.write({ blocks: [], snapshot: { info, resetLog: false }, isUrgent: true })
  await storage.close()
}

function term(term: number) {
  return { term, votedFor: undefined, commitIndex: 0 }
}

function block(first: number, term: number): EncodedBlock {
  return encodeCommands(first, term, [Buffer.from('x'), Buffer.from('y')])
}

function del(first: number, termBefore: number) {
  return (batch: BindingBatch) => batch.del(blockKey(first, termBefore))
}

function put(block: EncodedBlock, termBefore: number, first = block.first) {
  return putBytes(first, termBefore, Buffer.from(block.bytes))
}

function putBytes(first: number, termBefore: number, bytes: Buffer) {
  return (batch: BindingBatch) => batch.put(blockKey(first, termBefore), bytes)
}

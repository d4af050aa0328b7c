/** A fixture for RocksDBStorage: a temporary directory with simulated crashes, failing or ignored syncs, and a full disk. */
import assert from 'node:assert/strict'
import { readdir, rm, stat, truncate } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { ErrorCode, RaftError } from '../../src/errors.ts'
import { isRaftError } from '../../src/errors.ts'
import { loadBinding } from '../../src/rocksdb/binding.ts'
import { Database } from '../../src/rocksdb/database.ts'
import type { RocksDBStorageOptions } from '../../src/rocksdb/index.ts'
import { RocksDBStorage } from '../../src/rocksdb/index.ts'
import type { Damage, StorageFixture } from '../../src/testing/contracts/storage-contract.ts'
import { directoryFixture, flipBit, IDENTITY } from '../storage/directory-fixture.ts'
import { DISK_FULL } from './faulty-disk.ts'

export interface RocksDBFixture extends StorageFixture {
  /** The current data directory; a crash replaces it by a copy. */
  directory(): string
  createStorage(options?: Partial<RocksDBStorageOptions>): RocksDBStorage
  crash(): Promise<void>
  /** Makes all writes fail; with a message, only writes to RocksDB, with that message. */
  failWrites(message?: string): Promise<void>
}

/** `StorageClass` may be built from edited sources. */
export async function rocksdbFixture(StorageClass: typeof RocksDBStorage = RocksDBStorage): Promise<RocksDBFixture> {
  const shared = await directoryFixture()
  const { disk, directory } = shared
  return {
    ...shared,
    createStorage(options) {
      const binding = disk.wrapBinding(options?.binding ?? loadBinding())
      return shared.register(new StorageClass({ directory: directory(), ...options, binding }))
    },
    async failWrites(message) {
      disk.failure = message ?? DISK_FULL
      disk.failsSyncs = message === undefined
    },
    damages: () => damagesIn(directory()),
  }
}

/**
 * The damages to try on a closed data directory: a flipped bit in each file, each file truncated or removed, and each key of the
 * log changed or removed. Files of RocksDB are not truncated or removed, which may abort the process: damage.test.ts does that in a child.
 */
async function damagesIn(directory: string): Promise<Damage[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const damages: Damage[] = []
  for (const path of paths.sort()) {
    const { size } = await stat(path)
    const name = relative(directory, path)
    if (size === 0) continue
    damages.push({ description: `a bit of ${name}`, apply: () => flipBit(path, size >> 1) })
    if (name.startsWith('log')) continue
    damages.push(
      { description: `half of ${name}`, apply: () => truncate(path, size >> 1) },
      { description: `the file ${name}`, apply: () => rm(path) },
    )
  }
  for (let at = 0; at < KEYS_DAMAGED; at++)
    damages.push(
      { description: `a bit of the value of key ${at}`, apply: () => damageKey(directory, at, flipped) },
      { description: `key ${at}`, apply: () => damageKey(directory, at, () => undefined) },
    )
  return damages
}

/** The number of keys: the blocks of the log, the summary and the snapshot record. */
const KEYS_DAMAGED = 5

/** Changes or removes the value of a key through RocksDB, so that its own checksums stay valid. */
async function damageKey(directory: string, at: number, change: (value: Buffer) => Buffer | undefined): Promise<void> {
  const sizes = { writeBufferBytes: 1024 * 1024, cacheBytes: 1024 * 1024 }
  const database = await Database.open(loadBinding(), join(directory, 'log'), { createIfMissing: false, ...sizes })
  const entries: [Buffer, Buffer][] = []
  for await (const entry of database.entries({ gte: Buffer.of(0), lt: Buffer.of(255) })) entries.push(entry)
  const [key, value] = entries[at % entries.length] as [Buffer, Buffer]
  const changed = change(value)
  await database.write((batch) => (changed === undefined ? batch.del(key) : batch.put(key, changed)), true)
  await database.close()
}

function flipped(value: Buffer): Buffer {
  const changed = Buffer.from(value)
  changed[value.length >> 1] = (changed[value.length >> 1] as number) ^ 1
  return changed
}

export async function open(fixture: RocksDBFixture, options?: Partial<RocksDBStorageOptions>): Promise<RocksDBStorage> {
  const storage = fixture.createStorage(options)
  await storage.open(IDENTITY)
  return storage
}

/** Opens a storage that must not open; returns the error. */
export async function openError(storage: RocksDBStorage, code: ErrorCode): Promise<RaftError> {
  const error = await storage.open(IDENTITY).catch((error: unknown) => error)
  assert.ok(isRaftError(error), `not refused: ${String(error)}`)
  assert.equal(error.code, code, error.message)
  return error
}

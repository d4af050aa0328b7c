/** A fixture for RocksDBStorage: a temporary directory with simulated crashes, failing or ignored syncs, and a full disk. */
import assert from 'node:assert/strict'
import { cpSync } from 'node:fs'
import { mkdtemp, open as openFile, readdir, rm, stat, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import type { ErrorCode, RaftError } from '../../src/errors.ts'
import { isRaftError } from '../../src/errors.ts'
import { loadBinding } from '../../src/rocksdb/binding.ts'
import { Database } from '../../src/rocksdb/database.ts'
import type { RocksDBStorageOptions } from '../../src/rocksdb/index.ts'
import { RocksDBStorage } from '../../src/rocksdb/index.ts'
import type { Damage, StorageFixture } from '../../src/testing/contracts/storage-contract.ts'
import type { Survivors } from '../storage/unsynced-data.ts'
import { watchFiles } from '../storage/watched-files.ts'
import { DISK_FULL, FaultyDisk, IGNORED_SYNCS } from './faulty-disk.ts'

export const IDENTITY = { clusterId: 'cluster-1', nodeId: 'a' }

export interface RocksDBFixture extends StorageFixture {
  /** The current data directory; a crash replaces it by a copy. */
  directory(): string
  createStorage(options?: Partial<RocksDBStorageOptions>): RocksDBStorage
  crash(): Promise<void>
  /** Makes all writes fail; with a message, only writes to RocksDB, with that message. */
  failWrites(message?: string): Promise<void>
}

export async function temporaryDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'quorate-storage-'))
}

/** `StorageClass` may be built from edited sources. */
export async function rocksdbFixture(StorageClass: typeof RocksDBStorage = RocksDBStorage): Promise<RocksDBFixture> {
  const root = await temporaryDirectory()
  const opened: RocksDBStorage[] = []
  const disk = new FaultyDisk()
  const unwatch = await watchFiles(root, disk)
  let crashes = 0
  const directory = () => join(root, `crash-${crashes}`)
  // A crash continues with a copy of the directory.
  const crash = async (left: Survivors) => {
    const before = directory()
    await copyDirectory(before, join(root, `crash-${crashes + 1}`))
    crashes++
    disk.dropUnsynced(before, directory(), left)
  }
  return {
    directory,
    createStorage(options) {
      const storage = new StorageClass({
        directory: directory(),
        ...options,
        binding: disk.wrapBinding(options?.binding ?? loadBinding()),
      })
      opened.push(storage)
      return storage
    },
    crash: () => crash('nothing'),
    crashWithin: (call, moment) => disk.crashWithin(call, moment, crash),
    async loseSyncs(part) {
      disk.ignoredSyncs = IGNORED_SYNCS[part]
      return part < IGNORED_SYNCS.length
    },
    async failWrites(message) {
      disk.failure = message ?? DISK_FULL
      disk.failsSyncs = message === undefined
    },
    async fillDisk() {
      disk.isFull = true
      return () => {
        disk.isFull = false
      }
    },
    damages: () => damagesIn(directory()),
    async destroy() {
      for (const storage of opened) await storage.close().catch(() => undefined)
      unwatch()
      await rm(root, { recursive: true, force: true })
    },
  }
}

/**
 * Copies a directory without LOCK: in the process that holds the lock, closing another handle of that file would release it.
 * If RocksDB creates or removes files in the background meanwhile, the copy is inconsistent and is made again.
 */
export async function copyDirectory(from: string, to: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const before = await namesIn(from)
    const failure = copied(from, to)
    if (failure === undefined && (await namesIn(from)) === before) return
    if (attempt === 20 || (failure !== undefined && failure.code !== 'ENOENT'))
      throw failure ?? new Error(`${from} keeps changing`)
    await rm(to, { recursive: true, force: true })
  }
}

/** Copies synchronously, so that this process changes no file in between. */
function copied(from: string, to: string): NodeJS.ErrnoException | undefined {
  try {
    cpSync(from, to, { recursive: true, filter: (path) => !path.endsWith('LOCK') })
    return undefined
  } catch (error) {
    return error as NodeJS.ErrnoException
  }
}

async function namesIn(directory: string): Promise<string> {
  return (await readdir(directory, { recursive: true })).sort().join('\n')
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

export async function flipBit(path: string, at: number): Promise<void> {
  const file = await openFile(path, 'r+')
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, at)
  byte[0] = (byte[0] as number) ^ 1
  await file.write(byte, 0, 1, at)
  await file.close()
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

/** What the fixtures of all storages share: a temporary data directory with simulated crashes, ignored syncs, and a full disk. */
import { cpSync } from 'node:fs'
import { mkdtemp, open as openFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Storage } from '../../src/contracts/storage.ts'
import type { StorageFixture } from '../../src/testing/contracts/storage-contract.ts'
import { FaultyDisk, IGNORED_SYNCS } from '../rocksdb/faulty-disk.ts'
import type { Survivors } from './unsynced-data.ts'
import { watchFiles } from './watched-files.ts'

export const IDENTITY = { clusterId: 'cluster-1', nodeId: 'a' }

export interface DirectoryFixture
  extends Required<Pick<StorageFixture, 'crash' | 'crashWithin' | 'loseSyncs' | 'fillDisk' | 'destroy'>> {
  readonly disk: FaultyDisk
  /** The current data directory; a crash replaces it by a copy. */
  directory(): string
  /** The storage is closed with the fixture. */
  register<Opened extends Storage>(storage: Opened): Opened
}

export async function directoryFixture(): Promise<DirectoryFixture> {
  const root = await temporaryDirectory()
  const registered: Storage[] = []
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
    disk,
    directory,
    register(storage) {
      registered.push(storage)
      return storage
    },
    crash: () => crash('nothing'),
    crashWithin: (call, moment) => disk.crashWithin(call, moment, crash),
    async loseSyncs(part) {
      disk.ignoredSyncs = IGNORED_SYNCS[part]
      return part < IGNORED_SYNCS.length
    },
    async fillDisk() {
      disk.isFull = true
      return () => {
        disk.isFull = false
      }
    },
    async destroy() {
      for (const storage of registered) await storage.close().catch(() => undefined)
      unwatch()
      await rm(root, { recursive: true, force: true })
    },
  }
}

export async function temporaryDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'quorate-storage-'))
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

export async function flipBit(path: string, at: number): Promise<void> {
  const file = await openFile(path, 'r+')
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, at)
  byte[0] = (byte[0] as number) ^ 1
  await file.write(byte, 0, 1, at)
  await file.close()
}

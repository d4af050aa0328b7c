/** A temporary directory for a storage under test: the power can be cut at any change of its files. */
import { cpSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Storage } from '../../contracts/storage.ts'
import type { StorageFixture } from '../contracts/storage/samples.ts'
import { FaultyFiles } from './faulty-files.ts'
import type { Survivors } from './unsynced-data.ts'
import { watchFiles } from './watched-files.ts'

/** More copies of a directory that changes meanwhile are not made. */
const COPIES_MAX = 20

/**
 * Members of a StorageFixture, for a storage that uses `node:fs/promises` in this process:
 *
 *     const directory = await PowerCutDirectory.create()
 *     const fixture = { ...directory.fixture, createStorage: () => directory.register(new MyStorage(directory.path)) }
 *
 * It observes each creation, write, sync, rename and removal of a file. A crash continues with a copy of the directory that has lost what was not synced:
 * the contents of a file until the file is synced, and its name until the directory is synced.
 */
export class PowerCutDirectory<Disk extends FaultyFiles = FaultyFiles> {
  readonly disk: Disk
  readonly #root: string
  readonly #registered: Storage[] = []
  readonly #unwatch: () => void
  #crashes = 0

  private constructor(disk: Disk, root: string, unwatch: () => void) {
    this.disk = disk
    this.#root = root
    this.#unwatch = unwatch
  }

  /** Creates an empty directory, which itself is durable. */
  static async create(): Promise<PowerCutDirectory> {
    const root = await temporaryDirectory()
    await mkdir(join(root, 'crash-0'))
    return PowerCutDirectory.on(new FaultyFiles(), root)
  }

  /** Uses another disk, which may observe more than files. The directory does not exist yet. */
  static async on<Disk extends FaultyFiles>(disk: Disk, parent?: string): Promise<PowerCutDirectory<Disk>> {
    const root = parent ?? (await temporaryDirectory())
    return new PowerCutDirectory(disk, root, await watchFiles(root, disk))
  }

  /** The current directory; a crash replaces it by a copy. */
  get path(): string {
    return join(this.#root, `crash-${this.#crashes}`)
  }

  /** The storage is closed with the directory. */
  register<Opened extends Storage>(storage: Opened): Opened {
    this.#registered.push(storage)
    return storage
  }

  /** Everything but `createStorage` and `damages`. `loseSyncs` has one part: all files. */
  get fixture(): Required<Omit<StorageFixture, 'createStorage' | 'damages'>> {
    const { disk } = this
    return {
      crash: () => this.#crash('nothing'),
      crashWithin: (call, crashPoint) => disk.crashWithin(call, crashPoint, (left) => this.#crash(left)),
      loseSyncs: async (part) => {
        disk.ignoresSync = () => part === 0
        return part === 0
      },
      failWrites: async () => {
        disk.failsSyncs = true
      },
      fillDisk: async () => {
        disk.isFull = true
        return () => {
          disk.isFull = false
        }
      },
      destroy: async () => {
        for (const storage of this.#registered) await storage.close().catch(() => undefined)
        this.#unwatch()
        await rm(this.#root, { recursive: true, force: true })
      },
    }
  }

  /** Continues with a copy. */
  async #crash(left: Survivors): Promise<void> {
    const before = this.path
    await copyDirectory(before, join(this.#root, `crash-${this.#crashes + 1}`))
    this.#crashes++
    this.disk.dropUnsynced(before, this.path, left)
  }
}

export async function temporaryDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'quorate-storage-'))
}

/**
 * Copies a directory without LOCK: in the process that holds the lock, closing another handle of that file would release it.
 * If files are created or removed in the background meanwhile, as RocksDB does, the copy is inconsistent and is made again.
 */
export async function copyDirectory(from: string, to: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const before = await namesIn(from)
    const failure = copied(from, to)
    if (failure === undefined && (await namesIn(from)) === before) return
    if (attempt === COPIES_MAX || (failure !== undefined && failure.code !== 'ENOENT'))
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

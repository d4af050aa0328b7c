/** Intercepts the file operations of this process under watched directories: creations, writes, syncs, renames and removals. */
import type { EventEmitter } from 'node:events'
import fsNow, { constants, existsSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { sep } from 'node:path'

/** A file that is open. A file keeps its number when it is renamed. */
export interface WatchedFile {
  readonly path: string
  /** The inode number. */
  readonly ino: number
}

/** Called around each operation, which waits for it. If it throws, the operation fails. */
export interface FileWatcher {
  /** A file is about to be opened. */
  beforeOpen?(path: string): void
  /** Of a file or directory. */
  afterCreate(path: string): void
  beforeWrite(file: WatchedFile): void
  /** How many of the bytes of a write are in the file at `duringWrite`. */
  tearAt(length: number): number
  /** The first bytes are in the file. */
  duringWrite(file: WatchedFile): Promise<void>
  /** All bytes are in the file. `isSynced`: the file is written synchronously; `afterSync` follows. */
  afterWrite(file: WatchedFile, isSynced: boolean): Promise<void>
  /** Like `afterWrite` of a synced write that returns at once, so that nothing can happen within it. */
  afterWriteNow?(file: WatchedFile): void
  beforeSync(file: WatchedFile): Promise<void>
  afterSync(file: WatchedFile): void
  beforeRename(from: string, to: string): Promise<void>
  afterRename(from: string, to: string): Promise<void>
  beforeRemove(path: string): Promise<void>
}

type Write = (bytes: Uint8Array, offset: number, length: number, position: number | null) => Promise<unknown>

const watchers = new Map<string, FileWatcher>()
interface WatchedHandle {
  readonly file: WatchedFile
  readonly watcher: FileWatcher
  /** Whether each write is synced (O_DSYNC). */
  readonly syncsWrites: boolean
}

const handles = new WeakMap<FileHandle, WatchedHandle>()
/** The handles with synced writes by file descriptor, as long as they are open. */
const descriptors = new Map<number, WatchedHandle>()
let isPatched = false

/** Watches a directory until the returned function is called. */
export async function watchFiles(directory: string, watcher: FileWatcher): Promise<() => void> {
  if (!isPatched) {
    isPatched = true
    await patch()
  }
  watchers.set(directory, watcher)
  return () => watchers.delete(directory)
}

function watcherOf(path: unknown): FileWatcher | undefined {
  for (const [directory, watcher] of watchers)
    if (typeof path === 'string' && (path === directory || path.startsWith(`${directory}${sep}`))) return watcher
  return undefined
}

/** Patches the functions of node:fs/promises and `writevSync` for all importers; files outside watched directories are not affected. */
async function patch(): Promise<void> {
  const file = await fs.open(process.execPath)
  const prototype = Object.getPrototypeOf(file) as FileHandle
  await file.close()
  patchHandles(prototype)
  const { mkdir, open, rename, unlink } = fs
  fs.open = async (...args) => {
    const path = String(args[0])
    const watcher = watcherOf(path)
    if (watcher === undefined) return open(...args)
    watcher.beforeOpen?.(path)
    const isNew = !existsSync(path)
    const handle = await open(...args)
    const file = { path, ino: (await handle.stat()).ino }
    const syncsWrites = typeof args[1] === 'number' && (args[1] & constants.O_DSYNC) !== 0
    const known = { file, watcher, syncsWrites }
    handles.set(handle, known)
    if (syncsWrites) watchDescriptor(handle, known)
    if (isNew) watcher.afterCreate(path)
    return handle
  }
  fs.mkdir = (async (path: string, options?: { readonly recursive: boolean }) => {
    const created = await mkdir(path, options)
    if (created !== undefined || options?.recursive !== true) watcherOf(path)?.afterCreate(path)
    return created
  }) as typeof mkdir
  fs.rename = async (from, to) => {
    const watcher = watcherOf(from)
    await watcher?.beforeRename(String(from), String(to))
    await rename(from, to)
    await watcher?.afterRename(String(from), String(to))
  }
  fs.unlink = async (path) => {
    await watcherOf(path)?.beforeRemove(String(path))
    await unlink(path)
  }
  const { writevSync } = fsNow
  fsNow.writevSync = (descriptor, parts, position) => {
    const known = descriptors.get(descriptor)
    known?.watcher.beforeWrite(known.file)
    const written = writevSync(descriptor, parts, position)
    known?.watcher.afterWriteNow?.(known.file)
    known?.watcher.afterSync(known.file)
    return written
  }
  syncBuiltinESMExports()
}

function watchDescriptor(handle: FileHandle, known: WatchedHandle): void {
  const descriptor = handle.fd
  descriptors.set(descriptor, known)
  // Another file may have the descriptor by then.
  ;(handle as unknown as EventEmitter).once('close', () => {
    if (descriptors.get(descriptor) === known) descriptors.delete(descriptor)
  })
}

function patchHandles(prototype: FileHandle): void {
  const write = prototype.write as unknown as Write
  async function watchedWrite(this: FileHandle, ...args: Parameters<Write>): Promise<unknown> {
    const known = handles.get(this)
    if (known === undefined) return write.apply(this, args)
    const [bytes, offset, length, position] = args
    known.watcher.beforeWrite(known.file)
    if (position !== null) await write.call(this, bytes, offset, known.watcher.tearAt(length), position)
    await known.watcher.duringWrite(known.file)
    const written = await write.call(this, bytes, offset, length, position)
    await known.watcher.afterWrite(known.file, known.syncsWrites)
    if (known.syncsWrites) known.watcher.afterSync(known.file)
    return written
  }
  const { writev } = prototype
  async function watchedWritev(this: FileHandle, parts: Uint8Array[], position?: number): Promise<unknown> {
    if (!handles.has(this)) return writev.call(this, parts, position)
    const bytes = Buffer.concat(parts)
    await watchedWrite.call(this, bytes, 0, bytes.length, position ?? null)
    return { bytesWritten: bytes.length, buffers: parts }
  }
  const { writeFile, truncate } = prototype
  async function watchedWriteFile(this: FileHandle, ...args: Parameters<FileHandle['writeFile']>): Promise<void> {
    const [bytes] = args
    if (!handles.has(this) || !(bytes instanceof Uint8Array)) return writeFile.apply(this, args)
    await watchedWrite.call(this, bytes, 0, bytes.length, 0)
  }
  async function watchedTruncate(this: FileHandle, length?: number): Promise<void> {
    const known = handles.get(this)
    known?.watcher.beforeWrite(known.file)
    await truncate.call(this, length)
  }
  const watchedSync = (sync: () => Promise<void>) =>
    async function (this: FileHandle): Promise<void> {
      const known = handles.get(this)
      await known?.watcher.beforeSync(known.file)
      await sync.call(this)
      known?.watcher.afterSync(known.file)
    }
  const { sync, datasync } = prototype
  Object.assign(prototype, {
    write: watchedWrite,
    writev: watchedWritev,
    writeFile: watchedWriteFile,
    truncate: watchedTruncate,
    sync: watchedSync(sync),
    datasync: watchedSync(datasync),
  })
}

/** Sees what this process does to files under watched directories: each write, sync and rename, before and after it happens. */
import type { FileHandle } from 'node:fs/promises'
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { sep } from 'node:path'

/** Whoever watches a directory; what is done waits for it. It may throw, and then what was to be done has failed. */
export interface FileWatcher {
  /** Before anything of a write is in the file. */
  beforeWrite(path: string): void
  /** Half of a write is in the file. */
  duringWrite(path: string): Promise<void>
  beforeSync(path: string): Promise<void>
  afterSync(path: string): void
  /** A name is about to be another file's, or nobody's. */
  beforeRename(from: string, to: string): Promise<void>
  afterRename(from: string, to: string): Promise<void>
  beforeRemove(path: string): Promise<void>
}

type Write = (bytes: Uint8Array, offset: number, length: number, position: number | null) => Promise<unknown>

const watchers = new Map<string, FileWatcher>()
const handles = new WeakMap<FileHandle, { readonly path: string; readonly watcher: FileWatcher }>()
let isPatched = false

/** Watches until what is returned is called. */
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
    if (typeof path === 'string' && path.startsWith(`${directory}${sep}`)) return watcher
  return undefined
}

/** Node's own functions, for everybody who imports them; files that nobody watches pass through. */
async function patch(): Promise<void> {
  const any = await fs.open(process.execPath)
  const prototype = Object.getPrototypeOf(any) as FileHandle
  await any.close()
  patchHandles(prototype)
  const { open, rename, unlink } = fs
  fs.open = async (...of) => {
    const file = await open(...of)
    const watcher = watcherOf(of[0])
    if (watcher !== undefined) handles.set(file, { path: of[0] as string, watcher })
    return file
  }
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
  syncBuiltinESMExports()
}

function patchHandles(prototype: FileHandle): void {
  const write = prototype.write as unknown as Write
  async function watchedWrite(this: FileHandle, ...of: Parameters<Write>): Promise<unknown> {
    const known = handles.get(this)
    if (known === undefined) return write.apply(this, of)
    const [bytes, offset, length, position] = of
    known.watcher.beforeWrite(known.path)
    if (position !== null) await write.call(this, bytes, offset, length >> 1, position)
    await known.watcher.duringWrite(known.path)
    return write.call(this, bytes, offset, length, position)
  }
  const { writeFile } = prototype
  async function watchedWriteFile(this: FileHandle, ...of: Parameters<FileHandle['writeFile']>): Promise<void> {
    const [bytes] = of
    if (!handles.has(this) || !(bytes instanceof Uint8Array)) return writeFile.apply(this, of)
    await watchedWrite.call(this, bytes, 0, bytes.length, 0)
  }
  const watchedSync = (sync: () => Promise<void>) =>
    async function (this: FileHandle): Promise<void> {
      const known = handles.get(this)
      await known?.watcher.beforeSync(known.path)
      await sync.call(this)
      known?.watcher.afterSync(known.path)
    }
  const { sync, datasync } = prototype
  Object.assign(prototype, {
    write: watchedWrite,
    writeFile: watchedWriteFile,
    sync: watchedSync(sync),
    datasync: watchedSync(datasync),
  })
}

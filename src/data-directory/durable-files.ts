/** File operations that are durable once they resolve. */
import type { FileHandle } from 'node:fs/promises'
import { mkdir, readdir, rename, stat, statfs } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { openFile } from './open-file.ts'
import { isMissing, storageError } from './storage-errors.ts'

/** Replaces a file atomically: after a crash it has either the old or the new content. */
export async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.tmp`
  const file = await openFile(temporary, 'w', 0o640)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
  await moveFile(temporary, path)
}

/** Renames a file within a directory. */
export async function moveFile(from: string, to: string): Promise<void> {
  await rename(from, to)
  await syncDirectory(dirname(to))
}

/** Writes all bytes at a position; a single `write` may write fewer. */
export async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at, position + at)
    at += bytesWritten
  }
}

/** Reads up to `length` bytes at a position; fewer only at the end of the file. */
export async function readUpTo(file: FileHandle, length: number, position: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length)
  let filled = 0
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, position + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return bytes.subarray(0, filled)
}

/**
 * Creates a directory and its missing parents, and syncs each new name. The recursive `mkdir` of Node.js never returns if a parent
 * exists and takes no new names, as /proc does.
 */
export async function makeDirectory(path: string): Promise<void> {
  if (await isDirectory(path)) return
  const parent = dirname(resolve(path))
  if (parent !== resolve(path)) await makeDirectory(parent)
  try {
    await mkdir(path)
  } catch (cause) {
    // Another process may have created it in the meantime.
    if (await isDirectory(path)) return
    throw cause
  }
  await syncDirectory(parent)
}

/** Rejects if the path cannot be examined, for example because a parent is a file. */
async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (cause) {
    if (isMissing(cause)) return false
    throw cause
  }
}

/** Makes the names in a directory durable. Windows has no such operation and does not need it. */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const directory = await openFile(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** The names in a directory; none if it does not exist. */
export async function namesIn(path: string): Promise<string[]> {
  try {
    return await readdir(path)
  } catch (cause) {
    if (isMissing(cause)) return []
    throw cause
  }
}

/** The free bytes of the disk that contains this path. */
export async function freeBytesOf(path: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(path)
    return bavail * bsize
  } catch (cause) {
    throw storageError(cause, `determine the free space of ${path}`)
  }
}

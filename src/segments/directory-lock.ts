/**
 * Locks a data directory for this process, until it ends in whatever way. Node.js has no flock, so the lock is a socket: the system
 * allows one listener per name, and closes it with the process.
 */
import { constants } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import type { Server } from 'node:net'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { DataDirectory } from '../data-directory/data-directory.ts'
import { lockedError } from '../data-directory/owner-file.ts'
import { storageError } from '../data-directory/storage-errors.ts'

/** The flag of open(2) on macOS and BSD that locks the file; with O_NONBLOCK, it fails if another process has it open. */
const O_EXLOCK = 0x20

export interface DirectoryLock {
  release(): Promise<void>
}

/** Rejects with ERR_RAFT_DATA_DIR_LOCKED if another process, or this one, has the directory locked. */
export async function lockDirectory(directory: DataDirectory): Promise<DirectoryLock> {
  try {
    if (process.platform === 'linux' || process.platform === 'win32') return await lockBySocket(directory)
    return await lockByFile(directory)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'EADDRINUSE' || code === 'EAGAIN' || code === 'EWOULDBLOCK' || code === 'EACCES')
      throw await lockedError(directory.path, directory.owner, cause)
    throw storageError(cause, `lock the data directory ${directory.path}`)
  }
}

/** By the identity of the directory, not its path, which may differ between processes. */
async function lockBySocket({ path }: DataDirectory): Promise<DirectoryLock> {
  const { dev, ino } = await stat(path, { bigint: true })
  const name = `quorate-${dev.toString(36)}-${ino.toString(36)}`
  const server = createServer((socket) => socket.destroy())
  await listen(server, process.platform === 'linux' ? `\0${name}` : `\\\\.\\pipe\\${name}`)
  server.unref()
  return { release: () => new Promise((resolve) => server.close(() => resolve())) }
}

async function lockByFile({ path }: DataDirectory): Promise<DirectoryLock> {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK | O_EXLOCK
  const file = await open(join(path, 'LOCK'), flags, 0o640)
  return { release: () => file.close() }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ path, exclusive: true }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

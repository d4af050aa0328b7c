/**
 * Locks a data directory for this process, until it ends in whatever way. Node.js has no flock; docs/decisions/0013-segment-files.md
 * explains what takes its place on each system.
 */
import { spawn } from 'node:child_process'
import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { stat } from 'node:fs/promises'
import type { Server } from 'node:net'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { DataDirectory } from '../data-directory/data-directory.ts'
import { openFile } from '../data-directory/open-file.ts'
import { lockedError } from '../data-directory/owner-file.ts'
import { storageError } from '../data-directory/storage-errors.ts'

/** The flag of open(2) on macOS and BSD that locks the file; with O_NONBLOCK, it fails if another process has it open. */
const O_EXLOCK = 0x20
/** The exit code of `flock --nonblock` if another process has the lock. */
const FLOCK_IS_HELD = 1

export interface DirectoryLock {
  release(): Promise<void>
}

/** Another process, or this one, has the lock. */
class HeldError extends Error {}

/** Rejects with ERR_RAFT_DATA_DIR_LOCKED if another process, or this one, has the directory locked. */
export async function lockDirectory(directory: DataDirectory): Promise<DirectoryLock> {
  try {
    if (process.platform === 'win32') return await lockBySocket(directory, '\\\\.\\pipe\\')
    if (process.platform === 'linux') return await lockOnLinux(directory)
    return await lockByOpening(directory)
  } catch (cause) {
    if (cause instanceof HeldError) throw await lockedError(directory.path, directory.owner, cause)
    throw storageError(cause, `lock the data directory ${directory.path}`)
  }
}

/**
 * Two locks: a socket, which needs nothing installed but is seen only in the same network namespace, and one on the file LOCK, which
 * containers that share the volume see too.
 */
async function lockOnLinux(directory: DataDirectory): Promise<DirectoryLock> {
  const socket = await lockBySocket(directory, '\0')
  try {
    const file = await lockByProgram(directory)
    return {
      release: async () => {
        await file?.close()
        await socket.release()
      },
    }
  } catch (cause) {
    await socket.release()
    throw cause
  }
}

/** The system allows one listener per name, and closes it with the process. The name is the identity of the directory: paths may differ. */
async function lockBySocket({ path }: DataDirectory, prefix: string): Promise<DirectoryLock> {
  const { dev, ino } = await stat(path, { bigint: true })
  const server = createServer((socket) => socket.destroy())
  await listen(server, `${prefix}quorate-${dev.toString(36)}-${ino.toString(36)}`)
  server.unref()
  return { release: () => new Promise((resolve) => server.close(() => resolve())) }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException): void => reject(cause.code === 'EADDRINUSE' ? held(cause) : cause)
    server.once('error', fail)
    server.listen({ path, exclusive: true }, () => {
      server.off('error', fail)
      resolve()
    })
  })
}

/**
 * The program `flock` locks a file that this process has opened and passes on. The lock belongs to the open file, so it outlives the
 * program and ends with this process. Resolves with undefined, after a warning, if the program is not installed.
 */
async function lockByProgram({ path }: DataDirectory): Promise<FileHandle | undefined> {
  const file = await openFile(join(path, 'LOCK'), constants.O_RDWR | constants.O_CREAT, 0o640)
  try {
    const { exitCode, output } = await runFlock(file)
    if (exitCode === FLOCK_IS_HELD) throw held(new Error(`flock: ${output || 'the lock is held'}`))
    if (exitCode !== 0) throw new Error(`flock ended with ${exitCode}: ${output}`)
    return file
  } catch (cause) {
    await file.close()
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause
    process.emitWarning(
      `the program flock is not installed, so a process in another container could open ${path} at the same time`,
      { code: 'QUORATE_NO_FLOCK', detail: 'install util-linux or busybox, or do not share the volume' },
    )
    return undefined
  }
}

/** Rejects with ENOENT if the program is not installed. */
function runFlock(file: FileHandle): Promise<{ readonly exitCode: number | null; readonly output: string }> {
  return new Promise((resolve, reject) => {
    const program = spawn('flock', ['-n', '3'], { stdio: ['ignore', 'ignore', 'pipe', file.fd] })
    let output = ''
    program.once('error', reject)
    program.stderr?.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
    program.once('close', (exitCode) => resolve({ exitCode, output: output.trim() }))
  })
}

/** macOS and BSD. */
async function lockByOpening({ path }: DataDirectory): Promise<DirectoryLock> {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK | O_EXLOCK
  try {
    const file = await openFile(join(path, 'LOCK'), flags, 0o640)
    return { release: () => file.close() }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw code === 'EAGAIN' || code === 'EWOULDBLOCK' ? held(cause) : cause
  }
}

function held(cause: unknown): HeldError {
  return new HeldError((cause as Error).message, { cause })
}

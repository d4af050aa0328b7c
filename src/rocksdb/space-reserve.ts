/**
 * Stops writing before the disk is quite full. RocksDB must be able to write out what it holds in memory: where it cannot, it says
 * nothing and holds up the next write for ever. The same room is what opening the directory again takes.
 */
import { statfs } from 'node:fs/promises'
import { RaftError } from '../errors.ts'
import { storageError } from './storage-errors.ts'

/** Kept free beyond what is in memory: the tables' own frame, the manifest, a snapshot's header. */
const SLACK_BYTES = 1024 * 1024
/** RocksDB holds up to this many write buffers. */
const WRITE_BUFFERS = 2
/** Others write on the same disk: look again at least this often. */
const CHECK_INTERVAL_MS = 1000

export class SpaceReserve {
  readonly #path: string
  readonly #memoryBytesMax: number
  /** Since the directory was opened: no less than what is in memory only. */
  #writtenBytes = 0
  /** May be written before looking again. */
  #allowance = 0
  #nextCheckAt = 0

  constructor(path: string, writeBufferBytes: number) {
    this.#path = path
    this.#memoryBytesMax = WRITE_BUFFERS * writeBufferBytes
  }

  /** Call it before a write of about this many bytes; rejects with ERR_RAFT_NO_SPACE where it must not be made. */
  async reserve(bytes: number): Promise<void> {
    this.#writtenBytes += bytes
    this.#allowance -= bytes
    const now = performance.now()
    if (this.#allowance > 0 && now < this.#nextCheckAt) return
    const free = await this.freeBytes()
    const needed = Math.min(this.#writtenBytes, this.#memoryBytesMax) + SLACK_BYTES
    if (free < needed) throw this.#noSpaceError(free, needed)
    // Every byte written is one byte less that is free, and one more to be kept free; and others write too.
    this.#allowance = Math.min((free - needed) / 4, this.#memoryBytesMax / 4)
    this.#nextCheckAt = now + CHECK_INTERVAL_MS
  }

  async freeBytes(): Promise<number> {
    try {
      const { bavail, bsize } = await statfs(this.#path)
      return bavail * bsize
    } catch (cause) {
      throw storageError(cause, `ask for the free space of ${this.#path}`)
    }
  }

  #noSpaceError(freeBytes: number, neededBytes: number): RaftError {
    return new RaftError(
      'ERR_RAFT_NO_SPACE',
      `the disk of ${this.#path} is as good as full: ${freeBytes} bytes are free, and ${neededBytes} must be, to write out what is in memory`,
      {
        hint: 'free some space, then start this node again: what it acknowledged is safe',
        details: { path: this.#path, freeBytes, neededBytes },
      },
    )
  }
}

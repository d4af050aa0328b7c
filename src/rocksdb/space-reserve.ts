/**
 * Rejects writes before the disk is completely full. RocksDB needs space to flush its memory; without it, it reports no error and
 * blocks the next write forever. Reopening the directory needs the same space.
 */

import { freeBytesOf } from '../data-directory/durable-files.ts'
import { RaftError } from '../errors.ts'

/** Kept free in addition to the size of RocksDB's memory: for table overhead, the manifest and the header of a snapshot. */
const SLACK_BYTES = 1024 * 1024
/** RocksDB holds up to this many write buffers. */
const WRITE_BUFFERS = 2
/** Other processes write to the same disk, so the free space is checked at least this often. */
const CHECK_INTERVAL_MS = 1000

export class SpaceReserve {
  readonly #path: string
  readonly #memoryBytesMax: number
  /** Bytes written since the directory was opened; at least as much as RocksDB holds only in memory. */
  #writtenBytes = 0
  /** How many bytes may be written before the next check. */
  #allowance = 0
  #nextCheckAt = 0

  constructor(path: string, writeBufferBytes: number) {
    this.#path = path
    this.#memoryBytesMax = WRITE_BUFFERS * writeBufferBytes
  }

  /** Call before a write of about this many bytes. Rejects with ERR_RAFT_NO_SPACE if there is too little space for it. */
  async reserve(bytes: number): Promise<void> {
    this.#writtenBytes += bytes
    this.#allowance -= bytes
    const now = performance.now()
    if (this.#allowance > 0 && now < this.#nextCheckAt) return
    const free = await freeBytesOf(this.#path)
    const needed = Math.min(this.#writtenBytes, this.#memoryBytesMax) + SLACK_BYTES
    if (free < needed) throw this.#noSpaceError(free, needed)
    // Every written byte reduces the free space and increases what must stay free; other processes write too.
    this.#allowance = Math.min((free - needed) / 4, this.#memoryBytesMax / 4)
    this.#nextCheckAt = now + CHECK_INTERVAL_MS
  }

  #noSpaceError(freeBytes: number, neededBytes: number): RaftError {
    return new RaftError(
      'ERR_RAFT_NO_SPACE',
      `the disk at ${this.#path} is almost full: ${freeBytes} bytes are free, and ${neededBytes} are needed to flush RocksDB's memory`,
      {
        hint: 'free disk space, then restart this node; acknowledged data is safe',
        details: { path: this.#path, freeBytes, neededBytes },
      },
    )
  }
}

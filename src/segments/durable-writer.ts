/** Writes frames durably: through a thread of libuv, or a small one at once while the disk is fast. */
import { writevSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { writeAll } from '../data-directory/durable-files.ts'

/**
 * On Linux, each write of a handle opened with O_DSYNC is durable once it returns, at the price of one call. Elsewhere the flag is missing
 * or weaker than a sync (macOS), so writes are followed by one.
 */
export const SYNCS_WRITES: boolean = process.platform === 'linux'

/** A write at once stops the event loop meanwhile, so none is made until so many writes in succession were fast. */
const RECENT_WRITES = 32

export interface DurableWriterOptions {
  /** Larger writes are never made at once; 0 makes none at once. */
  readonly immediateWriteBytesMax: number
  /** A write that takes longer is slow. */
  readonly immediateWriteMsMax: number
  /** Milliseconds of a monotonic clock. */
  readonly now?: () => number
}

/**
 * A write through libuv costs two changes of threads and two turns of the event loop. While many proposals wait, the loop has other work to do in
 * that time; but then the writes are large.
 */
export class DurableWriter {
  readonly #bytesMax: number
  readonly #msMax: number
  readonly #now: () => number
  /** How many writes in succession were fast. */
  #fastWrites = 0
  #immediateWrites = 0

  constructor({ immediateWriteBytesMax, immediateWriteMsMax, now = () => performance.now() }: DurableWriterOptions) {
    this.#bytesMax = SYNCS_WRITES ? immediateWriteBytesMax : 0
    this.#msMax = immediateWriteMsMax
    this.#now = now
  }

  /** How many writes were made at once. */
  get immediateWrites(): number {
    return this.#immediateWrites
  }

  /** Writes all parts, `length` bytes altogether; durable once it resolves. At most one write is in progress. */
  async write(file: FileHandle, parts: readonly Uint8Array[], length: number, position: number): Promise<void> {
    const startedAt = this.#now()
    if (length <= this.#bytesMax && this.#fastWrites >= RECENT_WRITES) {
      this.#immediateWrites++
      const written = writevSync(file.fd, parts, position)
      if (written < length) await writeRest(file, parts, written, position)
    } else {
      const { bytesWritten } = await file.writev(parts, position)
      if (bytesWritten < length) await writeRest(file, parts, bytesWritten, position)
      if (!SYNCS_WRITES) await file.datasync()
    }
    this.#fastWrites = this.#now() - startedAt <= this.#msMax ? this.#fastWrites + 1 : 0
  }
}

/** The system took only the first bytes. */
async function writeRest(
  file: FileHandle,
  parts: readonly Uint8Array[],
  from: number,
  position: number,
): Promise<void> {
  await writeAll(file, Buffer.concat(parts).subarray(from), position + from)
}

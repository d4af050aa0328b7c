/** The disk of the skeleton: blocks that arrive during a write go into the next one, and every write is synced. */

import { constants } from 'node:fs'
import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'

export type DiskName = 'rocksdb' | 'file'

interface Waiting {
  readonly key: number
  readonly block: Buffer
  readonly done: () => void
}

interface RocksDB {
  open(options: object, callback: (error?: Error) => void): void
  batch(): { put(key: Buffer, value: Buffer): unknown; write(options: object, callback: (error?: Error) => void): void }
}

/** The size of the preallocated file, which is overwritten from its start when it is full. */
const FILE_BYTES = 64 * 1024 * 1024

export class SkeletonDisk {
  readonly #write: (blocks: readonly Waiting[]) => Promise<void>
  #waiting: Waiting[] = []
  #isWriting = false

  private constructor(write: (blocks: readonly Waiting[]) => Promise<void>) {
    this.#write = write
  }

  static async open(name: DiskName, directory: string): Promise<SkeletonDisk> {
    await mkdir(directory, { recursive: true })
    return new SkeletonDisk(name === 'rocksdb' ? await openRocksDB(directory) : await openFile(directory))
  }

  append(key: number, block: Buffer, done: () => void): void {
    this.#waiting.push({ key, block, done })
    if (!this.#isWriting) void this.#writeAll()
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true
    while (this.#waiting.length > 0) {
      const blocks = this.#waiting
      this.#waiting = []
      await this.#write(blocks)
      for (const { done } of blocks) done()
    }
    this.#isWriting = false
  }
}

/** One put per block. */
async function openRocksDB(directory: string): Promise<(blocks: readonly Waiting[]) => Promise<void>> {
  const db = createRequire(import.meta.url)('rocksdb')(directory) as RocksDB
  const options = { createIfMissing: true, compression: false, writeBufferSize: 32 * 1024 * 1024 }
  await new Promise<void>((resolve, reject) => db.open(options, (error) => (error ? reject(error) : resolve())))
  return (blocks) => {
    const batch = db.batch()
    for (const { key, block } of blocks) {
      const name = Buffer.allocUnsafe(8)
      name.writeBigUInt64BE(BigInt(key))
      batch.put(name, block)
    }
    return new Promise((resolve, reject) => batch.write({ sync: true }, (error) => (error ? reject(error) : resolve())))
  }
}

/** One synchronous write (O_DSYNC) of all blocks into a preallocated file. */
async function openFile(directory: string): Promise<(blocks: readonly Waiting[]) => Promise<void>> {
  const { O_CREAT, O_RDWR, O_DSYNC = 0 } = constants
  const file: FileHandle = await open(join(directory, 'blocks'), O_CREAT | O_RDWR | O_DSYNC)
  const zeros = Buffer.alloc(4 * 1024 * 1024)
  for (let at = 0; at < FILE_BYTES; at += zeros.length) await file.write(zeros, 0, zeros.length, at)
  let position = 0
  return async (blocks) => {
    const size = blocks.reduce((sum, { block }) => sum + block.length, 0)
    if (position + size > FILE_BYTES) position = 0
    await file.writev(
      blocks.map(({ block }) => block),
      position,
    )
    position += size
  }
}

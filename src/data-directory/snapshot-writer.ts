/**
 * Writes one snapshot, frame by frame, into a partial file that a later attempt can resume. Frames are written and synced while the next
 * one is filled, so that the disk and the source of the bytes work at the same time.
 */
import type { FileHandle } from 'node:fs/promises'
import { unlink } from 'node:fs/promises'
import type { SnapshotWriter } from '../contracts/storage.ts'
import type { SnapshotInfo } from '../core/types.ts'
import { RaftError } from '../errors.ts'
import { moveFile, syncDirectory, writeAll } from './durable-files.ts'
import { openFile } from './open-file.ts'
import type { ParsedHeader } from './snapshot-format.ts'
import {
  CHUNK_BYTES,
  encodeFooter,
  encodeHeader,
  FRAME_HEADER_BYTES,
  FRAMES_PER_CALL,
  frameChecksum,
  framePosition,
  readFrame,
  readHeader,
} from './snapshot-format.ts'
import { corrupt, isMissing, storageError } from './storage-errors.ts'

/**
 * A sync starts after this many bytes, and ends before the next one starts: at most twice as many are not synced. One large sync at the
 * end would delay the syncs of the log.
 */
const SYNC_EVERY_BYTES = 16 * 1024 * 1024

export interface SnapshotPaths {
  readonly directory: string
  readonly partial: string
  readonly whole: string
}

/**
 * Invariant: frames [0, #first) are in the file or in `#writing`, the complete frames [#first, #frame) in `#buffer`, and `#filled` bytes of
 * the next frame behind them.
 */
export class SnapshotFileWriter implements SnapshotWriter {
  readonly offset: number
  readonly #paths: SnapshotPaths
  readonly #info: SnapshotInfo
  readonly #header: ParsedHeader
  readonly #onEnd: () => void
  #buffer = framesBuffer()
  /** The buffer of the frames in `#writing`. */
  #otherBuffer = framesBuffer()
  /** The last frames that were started, and all before them. */
  #writing: Promise<void> = Promise.resolve()
  #syncing: Promise<void> = Promise.resolve()
  #file: FileHandle | undefined
  #filled = 0
  #frame: number
  #first: number
  #unsynced = 0
  #failure: RaftError | undefined
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(opened: OpenedFile, paths: SnapshotPaths, info: SnapshotInfo, onEnd: () => void) {
    this.#file = opened.file
    this.#header = opened.header
    this.#frame = opened.frames
    this.#first = opened.frames
    this.offset = opened.frames * CHUNK_BYTES
    this.#paths = paths
    this.#info = info
    this.#onEnd = onEnd
  }

  /** Resumes the partial file if it belongs to this snapshot, after its last complete frame; otherwise starts a new one. */
  static async begin(paths: SnapshotPaths, info: SnapshotInfo, onEnd: () => void): Promise<SnapshotFileWriter> {
    const opened = (await resumePartial(paths.partial, info)) ?? (await createPartial(paths, info))
    return new SnapshotFileWriter(opened, paths, info, onEnd)
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#enqueue(async (file) => {
      for (let at = 0; at < chunk.length; ) {
        const taken = Math.min(chunk.length - at, CHUNK_BYTES - this.#filled)
        this.#buffer.set(chunk.subarray(at, at + taken), this.#frameStart + FRAME_HEADER_BYTES + this.#filled)
        this.#filled += taken
        at += taken
        if (this.#filled < CHUNK_BYTES) continue
        this.#addChecksum()
        this.#frame++
        this.#filled = 0
        if (this.#frame === this.#first + FRAMES_PER_CALL) await this.#startWrite(file, this.#frameStart)
      }
    })
  }

  finish(): Promise<number> {
    return this.#enqueue(async (file) => {
      const size = this.#frame * CHUNK_BYTES + this.#filled
      if (this.#info.size > 0 && size !== this.#info.size)
        throw corrupt(`snapshot ${this.#info.id} has ${size} bytes, expected ${this.#info.size}`, { size })
      this.#addChecksum()
      const last = this.#filled > 0 ? FRAME_HEADER_BYTES + this.#filled : 0
      await this.#startWrite(file, this.#frameStart + last)
      await this.#writing
      await this.#syncing
      const frames = Math.ceil(size / CHUNK_BYTES)
      await writeAll(file, encodeFooter(size), this.#header.framesOffset + size + frames * FRAME_HEADER_BYTES)
      await file.sync()
      await this.#end()
      await moveFile(this.#paths.partial, this.#paths.whole)
      return size
    })
  }

  async suspend(): Promise<void> {
    if (this.#file === undefined) return
    await this.#enqueue(async (file) => {
      await this.#startWrite(file, this.#frameStart)
      await this.#writing
      await this.#syncing
      await file.sync()
      await this.#end()
    })
  }

  async discard(): Promise<void> {
    await this.#turn.catch(() => undefined)
    await this.#remove()
  }

  /** Where the frame that is being filled begins in the buffer. */
  get #frameStart(): number {
    return framePosition(this.#header, this.#frame) - framePosition(this.#header, this.#first)
  }

  /** Completes the header of the frame that is being filled. */
  #addChecksum(): void {
    const start = this.#frameStart + FRAME_HEADER_BYTES
    const content = this.#buffer.subarray(start, start + this.#filled)
    this.#buffer.writeUInt32LE(frameChecksum(content, this.#frame), this.#frameStart)
  }

  /** Starts to write the first `length` bytes of the buffer once those before are written. A failure rejects a later call, or `finish`. */
  async #startWrite(file: FileHandle, length: number): Promise<void> {
    if (length === 0) return
    const frames = this.#buffer.subarray(0, length)
    await this.#writing
    this.#writing = this.#writeFrames(file, frames, framePosition(this.#header, this.#first))
    this.#writing.catch(() => undefined)
    const free = this.#otherBuffer
    this.#otherBuffer = this.#buffer
    this.#buffer = free
    this.#first = this.#frame
  }

  async #writeFrames(file: FileHandle, frames: Buffer, position: number): Promise<void> {
    await writeAll(file, frames, position)
    this.#unsynced += frames.length
    if (this.#unsynced < SYNC_EVERY_BYTES) return
    this.#unsynced = 0
    await this.#syncing
    this.#syncing = file.datasync()
    this.#syncing.catch(() => undefined)
  }

  /** Runs steps one after another. The first failure removes the file: its content is undefined after a failed write. */
  #enqueue<Value>(step: (file: FileHandle) => Promise<Value>): Promise<Value> {
    const turn = this.#turn.then(async () => {
      if (this.#failure !== undefined) throw this.#failure
      if (this.#file === undefined)
        throw new RaftError('ERR_RAFT_CLOSED', `the writer of snapshot ${this.#info.id} has ended`)
      try {
        return await step(this.#file)
      } catch (cause) {
        this.#failure = storageError(cause, `write the snapshot ${this.#paths.partial}`)
        await this.#remove().catch(() => undefined)
        throw this.#failure
      }
    })
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  /** Closes the file once nothing uses it. */
  async #end(): Promise<void> {
    await this.#writing.catch(() => undefined)
    await this.#syncing.catch(() => undefined)
    const file = this.#file
    this.#file = undefined
    this.#onEnd()
    await file?.close()
  }

  async #remove(): Promise<void> {
    if (this.#file === undefined) return
    await this.#end()
    await unlink(this.#paths.partial).catch((cause: unknown) => {
      if (!isMissing(cause)) throw storageError(cause, `remove ${this.#paths.partial}`)
    })
  }
}

function framesBuffer(): Buffer {
  return Buffer.allocUnsafe(FRAMES_PER_CALL * (FRAME_HEADER_BYTES + CHUNK_BYTES))
}

interface OpenedFile {
  readonly file: FileHandle
  readonly header: ParsedHeader
  /** The number of complete frames in the file. */
  readonly frames: number
}

async function createPartial(paths: SnapshotPaths, info: SnapshotInfo): Promise<OpenedFile> {
  const file = await openFile(paths.partial, 'w+', 0o640)
  try {
    const header = encodeHeader(info)
    await writeAll(file, header, 0)
    await syncDirectory(paths.directory)
    return { file, header: { info, clusterId: undefined, framesOffset: header.length }, frames: 0 }
  } catch (cause) {
    await file.close()
    throw cause
  }
}

async function resumePartial(path: string, info: SnapshotInfo): Promise<OpenedFile | undefined> {
  const file = await openFile(path, 'r+').catch((cause: unknown) => {
    if (isMissing(cause)) return undefined
    throw cause
  })
  if (file === undefined) return undefined
  try {
    const header = await readHeader(file)
    if ('damage' in header || !isSameSnapshot(header.info, info)) {
      await file.close()
      return undefined
    }
    let frames = 0
    while ((await readFrame(file, header, frames)) !== undefined) frames++
    await file.truncate(framePosition(header, frames))
    await file.sync()
    return { file, header, frames }
  } catch (cause) {
    await file.close().catch(() => undefined)
    throw cause
  }
}

function isSameSnapshot(a: SnapshotInfo, b: SnapshotInfo): boolean {
  return a.id === b.id && a.index === b.index && a.term === b.term && a.size === b.size && a.checksum === b.checksum
}

/** Writes one snapshot, frame by frame, into a partial file that a later attempt can resume. */
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
  frameChecksum,
  framePosition,
  readFrame,
  readHeader,
} from './snapshot-format.ts'
import { corrupt, isMissing, storageError } from './storage-errors.ts'

/** The file is synced after this many bytes: one large sync at the end would delay the syncs of the log. */
const SYNC_EVERY_BYTES = 16 * 1024 * 1024

export interface SnapshotPaths {
  readonly directory: string
  readonly partial: string
  readonly whole: string
}

/** Invariant: frames [0, #frame) are complete in the file; `#filled` bytes of the next frame are in `#buffer`. */
export class SnapshotFileWriter implements SnapshotWriter {
  readonly offset: number
  readonly #paths: SnapshotPaths
  readonly #info: SnapshotInfo
  readonly #header: ParsedHeader
  readonly #onEnd: () => void
  readonly #buffer = Buffer.allocUnsafe(FRAME_HEADER_BYTES + CHUNK_BYTES)
  #file: FileHandle | undefined
  #filled = 0
  #frame: number
  #unsynced = 0
  #failure: RaftError | undefined
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(opened: OpenedFile, paths: SnapshotPaths, info: SnapshotInfo, onEnd: () => void) {
    this.#file = opened.file
    this.#header = opened.header
    this.#frame = opened.frames
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
    return this.#enqueue(async () => {
      for (let at = 0; at < chunk.length; ) {
        const taken = Math.min(chunk.length - at, CHUNK_BYTES - this.#filled)
        this.#buffer.set(chunk.subarray(at, at + taken), FRAME_HEADER_BYTES + this.#filled)
        this.#filled += taken
        at += taken
        if (this.#filled === CHUNK_BYTES) await this.#writeFrame()
      }
    })
  }

  finish(): Promise<number> {
    return this.#enqueue(async (file) => {
      const size = this.#frame * CHUNK_BYTES + this.#filled
      if (this.#info.size > 0 && size !== this.#info.size)
        throw corrupt(`snapshot ${this.#info.id} has ${size} bytes, expected ${this.#info.size}`, { size })
      if (this.#filled > 0) await this.#writeFrame()
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
      await file.sync()
      await this.#end()
    })
  }

  async discard(): Promise<void> {
    await this.#turn.catch(() => undefined)
    await this.#remove()
  }

  async #writeFrame(): Promise<void> {
    const frame = this.#buffer.subarray(0, FRAME_HEADER_BYTES + this.#filled)
    frame.writeUInt32LE(frameChecksum(frame.subarray(FRAME_HEADER_BYTES), this.#frame), 0)
    await writeAll(this.#file as FileHandle, frame, framePosition(this.#header, this.#frame))
    this.#unsynced += frame.length
    if (this.#filled < CHUNK_BYTES) return
    this.#frame++
    this.#filled = 0
    if (this.#unsynced < SYNC_EVERY_BYTES) return
    this.#unsynced = 0
    await (this.#file as FileHandle).datasync()
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

  async #end(): Promise<void> {
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
    return { file, header: { info, framesOffset: header.length }, frames: 0 }
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
    while ((await readFrame(file, header, { frame: frames, length: CHUNK_BYTES })) !== undefined) frames++
    await file.truncate(framePosition(header, frames))
    await file.sync()
    return { file, header, frames }
  } catch (cause) {
    await file.close().catch(() => undefined)
    throw cause
  }
}

function isSameSnapshot(a: SnapshotInfo, b: SnapshotInfo): boolean {
  return a.id === b.id && a.index === b.index && a.term === b.term && a.size === b.size
}

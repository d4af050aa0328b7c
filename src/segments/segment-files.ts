/** The segment files of a log: one is written to, the next one is prepared in the background, and old ones are recycled. */
import { randomInt } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { constants, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { namesIn, syncDirectory, writeAll } from '../data-directory/durable-files.ts'
import { openFile } from '../data-directory/open-file.ts'
import { RaftError } from '../errors.ts'
import { DurableWriter, SYNCS_WRITES } from './durable-writer.ts'
import { ReadableSegments } from './readable-segments.ts'
import { encodeSegmentHeader, SEGMENT_HEADER_BYTES } from './segment-format.ts'

const NAME = /^(\d{16})\.segment$/
const SPARE = /^spare(-\d+)?\.segment\.tmp$/
const NEW = 'new.segment.tmp'
/** Zeros are written in steps of this size, each synced, so that no long sync delays the log. */
const FILL_BYTES = 1024 * 1024
/** The first segment has this size, and each further one twice the size of the last, up to the configured one. */
const FIRST_SEGMENT_BYTES = 4 * 1024 * 1024
/** The next segment is prepared once the current one is filled to this share. */
const PREPARE_AT = 0.5
/** While the next segment is not ready, the current one grows up to this many times the configured size. */
const GROWTH_MAX = 2
/** How many old files are kept to become new segments: these need no zeros, which cost as much of the disk as the log itself. */
const SPARES_MAX = 4

const WRITE_FLAGS: number = constants.O_RDWR | (SYNCS_WRITES ? constants.O_DSYNC : 0)

/** A segment that can be written to. */
export interface WritableSegment {
  readonly sequence: number
  readonly salt: number
  readonly file: FileHandle
  /** The size of the file. */
  readonly capacity: number
  /** Where the next frame is written. */
  end: number
}

export interface SegmentFilesOptions {
  readonly segmentBytes: number
  /** Larger writes go through a thread; 0 for all. */
  readonly immediateWriteBytesMax: number
  /** The disk is slow if a write takes longer. */
  readonly immediateWriteMsMax: number
  /** Called before a new file is filled, with its size; rejects if there is too little space. */
  readonly reserve: (bytes: number) => Promise<void>
}

export class SegmentFiles {
  readonly #directory: string
  readonly #segmentBytes: number
  readonly #reserve: (bytes: number) => Promise<void>
  readonly #writer: DurableWriter
  #active: WritableSegment | undefined
  #next: Promise<WritableSegment> | undefined
  /** Once `#next` has resolved. */
  #isNextReady = false
  #lastCapacity = 0
  /** The active segment and the older ones. */
  readonly #readable = new ReadableSegments((sequence) => openFile(this.pathOf(sequence), 'r'))
  /** The paths of old files, the last one first to be used. */
  readonly #spares: string[] = []
  #lastSpare = 0
  #isClosed = false

  constructor(directory: string, options: SegmentFilesOptions) {
    this.#directory = directory
    this.#segmentBytes = options.segmentBytes
    this.#reserve = options.reserve
    this.#writer = new DurableWriter(options)
  }

  /** How many writes were made at once, without a thread. */
  get immediateWrites(): number {
    return this.#writer.immediateWrites
  }

  /** The sequences of the segments in the directory, in ascending order. Removes what an interrupted preparation left. */
  async list(): Promise<number[]> {
    const names = await namesIn(this.#directory)
    for (const name of names) if (SPARE.test(name) || name === NEW) await unlink(join(this.#directory, name))
    const sequences = names.flatMap((name) => NAME.exec(name)?.[1] ?? []).map(Number)
    return sequences.sort((one, other) => one - other)
  }

  pathOf(sequence: number): string {
    return join(this.#directory, `${String(sequence).padStart(16, '0')}.segment`)
  }

  /** Opens a segment for writing. */
  async open(sequence: number): Promise<FileHandle> {
    return openFile(this.pathOf(sequence), WRITE_FLAGS)
  }

  async remove(sequence: number): Promise<void> {
    await unlink(this.pathOf(sequence))
  }

  /** Continues with the segments that recovery found. `prepared` has no frames yet. */
  resume(active: WritableSegment, older: readonly number[], prepared: WritableSegment | undefined): void {
    this.#active = active
    for (const sequence of older) this.#readable.add(sequence)
    this.#readable.addWritten(active.sequence, active.file)
    this.#lastCapacity = (prepared ?? active).capacity
    if (prepared === undefined) return
    this.#next = Promise.resolve(prepared)
    this.#isNextReady = true
  }

  /** Creates the first segment. */
  async create(): Promise<void> {
    const { file } = await this.#prepare(1)
    await file.close()
  }

  /**
   * The segment for a frame of this length: the current one, or the next one if it does not fit. While the next one is being prepared, the
   * current one grows: no write waits for the zeros of a file, unless they take longer than twice a segment.
   */
  async segmentFor(length: number): Promise<WritableSegment> {
    const active = this.#active as WritableSegment
    const isEmpty = active.end === SEGMENT_HEADER_BYTES
    const isPreparing = this.#next !== undefined && !this.#isNextReady
    const limit = isPreparing ? Math.max(active.capacity, GROWTH_MAX * this.#segmentBytes) : active.capacity
    if (isEmpty || active.end + length <= limit) return active
    const next = await (this.#next ?? this.#prepare(active.sequence + 1))
    this.#next = undefined
    this.#isNextReady = false
    this.#active = next
    this.#readable.addWritten(next.sequence, next.file)
    await this.#readable.endWriting(active.sequence)
    return next
  }

  /** Writes parts at the end of a segment; durable once it resolves. */
  async append(segment: WritableSegment, parts: readonly Uint8Array[], length: number): Promise<void> {
    await this.#writer.write(segment.file, parts, length, segment.end)
    segment.end += length
    if (this.#next === undefined && segment.end > segment.capacity * PREPARE_AT) {
      this.#next = this.#prepare(segment.sequence + 1)
      // It is tried again after the next write, and by the write that needs the segment.
      this.#next.then(
        () => {
          this.#isNextReady = true
        },
        () => {
          this.#next = undefined
        },
      )
    }
  }

  /** The bytes [from, to) of a segment, fewer if the file is shorter; undefined if the segment has been removed. */
  async read(sequence: number, from: number, to: number): Promise<Buffer | undefined> {
    const bytes = Buffer.allocUnsafeSlow(to - from)
    return this.#readable.read(sequence, async (file) => {
      for (let filled = 0; filled < bytes.length; ) {
        const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, from + filled)
        if (bytesRead === 0) return bytes.subarray(0, filled)
        filled += bytesRead
      }
      return bytes
    })
  }

  get activeSequence(): number {
    return (this.#active as WritableSegment).sequence
  }

  hasOlderThan(sequence: number): boolean {
    for (const each of this.#readable.sequences) if (each < sequence) return true
    return false
  }

  /** Removes the segments before this one, in the background of writes. Some are kept to become new segments. */
  async removeOlderThan(sequence: number): Promise<void> {
    for (const each of [...this.#readable.sequences]) {
      if (each >= sequence) continue
      await this.#readable.remove(each)
      await this.#recycle(each)
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const next = await this.#next?.catch(() => undefined)
    await next?.file.close()
    await this.#readable.close()
  }

  async #recycle(sequence: number): Promise<void> {
    const path = this.pathOf(sequence)
    if (this.#spares.length >= SPARES_MAX) return unlink(path)
    const spare = join(this.#directory, `spare-${++this.#lastSpare}.segment.tmp`)
    await rename(path, spare)
    this.#spares.push(spare)
  }

  /** Creates a segment: zeros or an old file, then the header; it has its name only once all of that is durable. */
  async #prepare(sequence: number): Promise<WritableSegment> {
    const path = join(this.#directory, NEW)
    const size = Math.min(this.#segmentBytes, Math.max(FIRST_SEGMENT_BYTES, 2 * this.#lastCapacity))
    const salt = randomInt(2 ** 32)
    const file = (await this.#openSpare(path, size)) ?? (await this.#createFile(path, size))
    try {
      await writeAll(file, encodeSegmentHeader({ sequence, salt }), 0)
      await file.sync()
      await rename(path, this.pathOf(sequence))
      await syncDirectory(this.#directory)
    } catch (cause) {
      await file.close()
      throw cause
    }
    this.#lastCapacity = size
    return { sequence, salt, file, capacity: size, end: SEGMENT_HEADER_BYTES }
  }

  async #openSpare(path: string, size: number): Promise<FileHandle | undefined> {
    for (let spare = this.#spares.pop(); spare !== undefined; spare = this.#spares.pop()) {
      await rename(spare, path)
      const file = await openFile(path, WRITE_FLAGS)
      // One that has grown is larger.
      if ((await file.stat()).size >= size) return file
      await file.close()
      await unlink(path)
    }
    return undefined
  }

  async #createFile(path: string, size: number): Promise<FileHandle> {
    await this.#reserve(size)
    const file = await openFile(path, WRITE_FLAGS | constants.O_CREAT | constants.O_TRUNC, 0o640)
    try {
      const zeros = Buffer.alloc(Math.min(FILL_BYTES, size))
      for (let at = 0; at < size; at += zeros.length) {
        if (this.#isClosed) throw new RaftError('ERR_RAFT_CLOSED', 'the storage was closed')
        await writeAll(file, zeros.subarray(0, Math.min(zeros.length, size - at)), at)
      }
      return file
    } catch (cause) {
      await file.close()
      await unlink(path).catch(() => undefined)
      throw cause
    }
  }
}

/** The segments of a log that can be read. Of those that are no longer written, a limited number is open. */
import type { FileHandle } from 'node:fs/promises'

/** Most reads are at the end of the log; others go through it from one segment to the next, one for each peer that is behind. */
export const OPEN_SEGMENTS_MAX = 16

interface ReadableSegment {
  /** Undefined while it is closed. */
  file: Promise<FileHandle> | undefined
  isWritten: boolean
  pendingReads: number
}

export class ReadableSegments {
  readonly #openFile: (sequence: number) => Promise<FileHandle>
  readonly #segments = new Map<number, ReadableSegment>()
  /** Those that are open and not written, the one that was read longest ago first. */
  readonly #open = new Set<number>()

  constructor(openFile: (sequence: number) => Promise<FileHandle>) {
    this.#openFile = openFile
  }

  get sequences(): Iterable<number> {
    return this.#segments.keys()
  }

  /** Adds a segment that is opened when it is first read. */
  add(sequence: number): void {
    this.#segments.set(sequence, { file: undefined, isWritten: false, pendingReads: 0 })
  }

  /** Adds a segment that stays open while it is written. */
  addWritten(sequence: number, file: FileHandle): void {
    this.#segments.set(sequence, { file: Promise.resolve(file), isWritten: true, pendingReads: 0 })
  }

  /** From now on it may be closed until it is read again. */
  async endWriting(sequence: number): Promise<void> {
    const segment = this.#segments.get(sequence) as ReadableSegment
    segment.isWritten = false
    this.#open.add(sequence)
    await this.#closeUnused()
  }

  /** Reads from the file of a segment, which stays open meanwhile. Undefined if the segment is not there or is removed meanwhile. */
  async read<Result>(sequence: number, readFrom: (file: FileHandle) => Promise<Result>): Promise<Result | undefined> {
    const segment = this.#segments.get(sequence)
    if (segment === undefined) return undefined
    segment.pendingReads++
    try {
      return await readFrom(await this.#fileOf(sequence, segment))
    } catch (cause) {
      // Removing a segment closes its file.
      if (this.#segments.get(sequence) !== segment) return undefined
      throw cause
    } finally {
      segment.pendingReads--
      await this.#closeUnused()
    }
  }

  /** Closes a segment for good, once a read in progress has taken its bytes. */
  async remove(sequence: number): Promise<void> {
    const segment = this.#segments.get(sequence)
    this.#segments.delete(sequence)
    this.#open.delete(sequence)
    await closeFile(segment?.file)
  }

  async close(): Promise<void> {
    for (const { file } of this.#segments.values()) await closeFile(file)
    this.#segments.clear()
    this.#open.clear()
  }

  #fileOf(sequence: number, segment: ReadableSegment): Promise<FileHandle> {
    if (segment.isWritten && segment.file !== undefined) return segment.file
    this.#open.delete(sequence)
    this.#open.add(sequence)
    segment.file ??= this.#openFile(sequence).catch((cause) => {
      segment.file = undefined
      this.#open.delete(sequence)
      throw cause
    })
    return segment.file
  }

  /** Closes those that were read longest ago, except those with a pending read: they are closed after it. */
  async #closeUnused(): Promise<void> {
    for (const sequence of this.#open) {
      if (this.#open.size <= OPEN_SEGMENTS_MAX) return
      const segment = this.#segments.get(sequence) as ReadableSegment
      if (segment.pendingReads > 0) continue
      const { file } = segment
      segment.file = undefined
      this.#open.delete(sequence)
      await closeFile(file)
    }
  }
}

/** One that could not be opened is closed. */
async function closeFile(file: Promise<FileHandle> | undefined): Promise<void> {
  const opened = await file?.catch(() => undefined)
  await opened?.close()
}

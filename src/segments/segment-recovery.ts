/** Reads the segments of a log at open: verifies every frame, tells an unfinished last write from damage, and rewrites the unproven end. */
import type { FileHandle } from 'node:fs/promises'
import type { EntryId, LogIndex, SnapshotInfo } from '../core/types.ts'
import { writeAll } from '../data-directory/durable-files.ts'
import type { HardStateRecord } from '../data-directory/hard-state-file.ts'
import { checkHardState, damagedLog } from '../data-directory/log-checks.ts'
import { corrupt } from '../data-directory/storage-errors.ts'
import { decodeBlock } from '../log-format/block.ts'
import type { BlockHeader } from '../log-format/block-list.ts'
import { BlockList } from '../log-format/block-list.ts'
import type { SegmentFiles, WritableSegment } from './segment-files.ts'
import type { Frame, SegmentHeader } from './segment-format.ts'
import {
  claimedLength,
  FRAME_HEADER_BYTES,
  findFrame,
  parseFrame,
  parseSegmentHeader,
  SEGMENT_HEADER_BYTES,
} from './segment-format.ts'

/** A block and its place. */
export interface StoredBlock extends BlockHeader {
  readonly segment: number
  readonly at: number
}

export interface RecoveredSegments {
  readonly log: BlockList<StoredBlock>
  readonly snapshot: SnapshotInfo | undefined
  /** The number of the last write. */
  readonly write: number
  readonly commitIndex: LogIndex
  /** The checksum of the last frame. */
  readonly checksum: number
}

/** Bytes read from a segment at a time. */
const READ_BYTES = 4 * 1024 * 1024

/** Reads all segments, and lets `files` continue after the last frame. Rejects with ERR_RAFT_CORRUPT. */
export async function recoverSegments(
  files: SegmentFiles,
  location: string,
  hardState: HardStateRecord,
): Promise<RecoveredSegments> {
  const all = await files.list()
  const sequences = lastRun(all)
  if (sequences.length === 0) throw corrupt(`the log in ${location} is lost: it has no segments`, { file: location })
  const replay = new Replay(location)
  const opened: (WritableSegment & { readonly unprovenFrom: number | undefined })[] = []
  try {
    for (const sequence of sequences) opened.push(await readSegment(files, sequence, replay, hardState.logWrite))
    replay.assertReaches(hardState)
  } catch (cause) {
    for (const { file } of opened) await file.close()
    throw cause
  }
  for (const sequence of all) if (!sequences.includes(sequence)) await files.remove(sequence)
  for (const segment of opened) await rewriteUnproven(segment)
  const active = opened.findLastIndex(({ end }) => end > SEGMENT_HEADER_BYTES)
  const at = Math.max(active, 0)
  for (const { file } of opened.filter((_, offset) => offset !== at && offset !== at + 1)) await file.close()
  files.resume(
    opened[at] as WritableSegment,
    opened.slice(0, at).map(({ sequence }) => sequence),
    opened[at + 1],
  )
  return replay.result()
}

/** Whether a frame starts in this segment. */
export async function hasFrames(files: SegmentFiles, sequence: number): Promise<boolean> {
  const file = await files.open(sequence)
  try {
    const reader = new SegmentReader(file, (await file.stat()).size)
    const header = parseSegmentHeader(await reader.bytes(0, SEGMENT_HEADER_BYTES))
    return !('damage' in header) && !('damage' in (await readFrame(reader, SEGMENT_HEADER_BYTES, header)))
  } finally {
    await file.close()
  }
}

/** The segments up to the newest one without a gap. Earlier ones were being removed. */
function lastRun(sequences: readonly number[]): readonly number[] {
  let from = sequences.length - 1
  while (from > 0 && sequences[from - 1] === (sequences[from] as number) - 1) from--
  return sequences.slice(Math.max(from, 0))
}

async function readSegment(
  files: SegmentFiles,
  sequence: number,
  replay: Replay,
  provenWrite: number,
): Promise<WritableSegment & { readonly unprovenFrom: number | undefined }> {
  const file = await files.open(sequence)
  try {
    const reader = new SegmentReader(file, (await file.stat()).size)
    const header = parseSegmentHeader(await reader.bytes(0, SEGMENT_HEADER_BYTES))
    const path = files.pathOf(sequence)
    if ('damage' in header) throw replay.damaged(`the segment ${path} is damaged: ${header.damage}`)
    if (header.sequence !== sequence) throw replay.damaged(`the segment ${path} is number ${header.sequence}`)
    let end = SEGMENT_HEADER_BYTES
    let unprovenFrom: number | undefined
    for (;;) {
      const found = await readFrame(reader, end, header)
      if ('damage' in found) {
        await assertNoFrameAfter(reader, end, header, replay, `${found.damage} at byte ${end} of ${path}`)
        break
      }
      if (found.frame.number > provenWrite) unprovenFrom ??= end
      replay.add(found.frame, found.bytes, sequence, end)
      end += found.frame.length
    }
    return { sequence, salt: header.salt, file, capacity: reader.size, end, unprovenFrom }
  } catch (cause) {
    await file.close()
    throw cause
  }
}

async function readFrame(
  reader: SegmentReader,
  at: number,
  { salt }: SegmentHeader,
): Promise<{ readonly frame: Frame; readonly bytes: Buffer } | { readonly damage: string }> {
  const length = claimedLength(await reader.bytes(at, at + FRAME_HEADER_BYTES), salt)
  if (length === undefined || at + length > reader.size) return { damage: 'no frame starts' }
  const bytes = await reader.bytes(at, at + length)
  const frame = parseFrame(bytes)
  return 'damage' in frame ? frame : { frame, bytes }
}

/**
 * A write that a crash interrupted is the last one: writes are made one after the other. So a whole frame after one that is not is proof of
 * damage.
 */
async function assertNoFrameAfter(
  reader: SegmentReader,
  end: number,
  header: SegmentHeader,
  replay: Replay,
  what: string,
): Promise<void> {
  const rest = await reader.bytes(end, reader.size)
  for (let at = findFrame(rest, 1, header.salt); at !== undefined; at = findFrame(rest, at + 1, header.salt)) {
    const length = claimedLength(rest.subarray(at), header.salt)
    if (length === undefined || at + length > rest.length) continue
    const frame = parseFrame(rest.subarray(at, at + length))
    if (!('damage' in frame) && frame.number > replay.write) throw replay.damaged(what)
  }
}

/**
 * Writes the frames again that are not known to be durable: after a crash of the process they may be in the memory of the system only,
 * and after a failed sync they may seem written although they are not.
 */
async function rewriteUnproven({
  file,
  unprovenFrom,
  end,
}: {
  readonly file: FileHandle
  readonly unprovenFrom: number | undefined
  readonly end: number
}): Promise<void> {
  if (unprovenFrom === undefined) return
  const reader = new SegmentReader(file, end)
  for (let at = unprovenFrom; at < end; at += READ_BYTES)
    await writeAll(file, await reader.bytes(at, Math.min(at + READ_BYTES, end)), at)
  await file.datasync()
}

/** The log after the frames read so far. */
class Replay {
  readonly #location: string
  #base: EntryId = { index: 0, term: 0 }
  /** The entry before the first of `#blocks`. */
  #start: EntryId = { index: 0, term: 0 }
  #last: EntryId = { index: 0, term: 0 }
  #blocks: StoredBlock[] = []
  #snapshot: SnapshotInfo | undefined
  #commitIndex: LogIndex = 0
  #hasFrames = false
  write = 1
  checksum = 0

  constructor(location: string) {
    this.#location = location
  }

  damaged(what: string): Error {
    return damagedLog(this.#location, this.#last.index, 0, what)
  }

  add(frame: Frame, bytes: Buffer, segment: number, at: number): void {
    if (this.#hasFrames && (frame.number !== this.write + 1 || frame.checksumBefore !== this.checksum))
      throw this.damaged(`write ${frame.number} does not follow write ${this.write}`)
    if (!this.#hasFrames || frame.isReset || frame.before.index < this.#start.index) this.#restart(frame.before)
    else this.#truncateAfter(frame.before)
    for (const { at: position, size } of frame.blocks) {
      const { bytes: _, ...header } = this.#decode(bytes.subarray(position, position + size))
      if (header.first !== this.#last.index + 1 || header.term < this.#last.term)
        throw this.damaged(`a block of term ${header.term} that starts at ${header.first} follows ${this.#last.index}`)
      this.#blocks.push({ ...header, segment, at: at + position })
      this.#last = { index: header.first + header.count - 1, term: header.term }
    }
    if (this.#last.index !== frame.last.index || this.#last.term !== frame.last.term)
      throw this.damaged(`write ${frame.number} ends at ${this.#last.index} instead of ${frame.last.index}`)
    this.#base = frame.base
    this.#snapshot = frame.snapshot ?? this.#snapshot
    this.#commitIndex = frame.commitIndex
    this.#hasFrames = true
    this.write = frame.number
    this.checksum = frame.checksum
  }

  /** Throws if acknowledged writes are missing. */
  assertReaches(hardState: HardStateRecord): void {
    if (this.write < hardState.logWrite)
      throw damagedLog(
        this.#location,
        this.#last.index,
        hardState.lastIndex,
        `its last writes are missing (up to ${hardState.logWrite})`,
      )
    if (this.#base.index < this.#start.index) throw this.damaged('its first segments are missing')
    checkHardState(
      hardState,
      { log: { base: this.#base, last: this.#last }, snapshot: this.#snapshot, commitIndex: this.#commitIndex },
      this.#location,
    )
  }

  result(): RecoveredSegments {
    const from = this.#blocks.findIndex(({ first }) => first > this.#base.index)
    const blocks = from === -1 ? [] : this.#blocks.slice(from)
    return {
      log: new BlockList<StoredBlock>(this.#base, blocks),
      snapshot: this.#snapshot,
      write: this.write,
      commitIndex: this.#commitIndex,
      checksum: this.checksum,
    }
  }

  #restart(before: EntryId): void {
    this.#blocks = []
    this.#start = before
    this.#last = before
  }

  #truncateAfter(before: EntryId): void {
    if (before.index === this.#last.index) return
    while (this.#blocks.length > 0 && (this.#blocks[this.#blocks.length - 1] as StoredBlock).first > before.index)
      this.#blocks.pop()
    this.#last = before
  }

  #decode(bytes: Buffer): ReturnType<typeof decodeBlock> {
    try {
      return decodeBlock(bytes)
    } catch (cause) {
      throw damagedLog(this.#location, this.#last.index, 0, (cause as Error).message, cause)
    }
  }
}

/** Reads a segment in steps, mostly in sequence. */
class SegmentReader {
  readonly #file: FileHandle
  readonly size: number
  #window = Buffer.alloc(0)
  #start = 0

  constructor(file: FileHandle, size: number) {
    this.#file = file
    this.size = size
  }

  /** The bytes [from, to), fewer at the end of the file. Valid until the next call. */
  async bytes(from: number, to: number): Promise<Buffer> {
    const end = Math.min(to, this.size)
    if (from < this.#start || end > this.#start + this.#window.length) await this.#load(from, end)
    return this.#window.subarray(from - this.#start, end - this.#start)
  }

  async #load(from: number, to: number): Promise<void> {
    const length = Math.min(Math.max(to - from, READ_BYTES), this.size - from)
    const window = Buffer.allocUnsafeSlow(length)
    let filled = 0
    while (filled < length) {
      const { bytesRead } = await this.#file.read(window, filled, length - filled, from + filled)
      if (bytesRead === 0) break
      filled += bytesRead
    }
    this.#window = window.subarray(0, filled)
    this.#start = from
  }
}

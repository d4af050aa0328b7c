/** Reads the segments of a log at open: verifies every frame, tells an unfinished last write from damage, and rewrites the unproven end. */
import type { EntryId, LogIndex, SnapshotInfo } from '../core/types.ts'
import { writeAll } from '../data-directory/durable-files.ts'
import type { HardStateRecord } from '../data-directory/hard-state-file.ts'
import { checkHardState, damagedLog } from '../data-directory/log-checks.ts'
import { corrupt } from '../data-directory/storage-errors.ts'
import { decodeVerifiedHeader } from '../log-format/block.ts'
import type { BlockHeader } from '../log-format/block-list.ts'
import { BlockList } from '../log-format/block-list.ts'
import type { SegmentFiles, WritableSegment } from './segment-files.ts'
import type { Frame, SegmentHeader } from './segment-format.ts'
import {
  ALIGNMENT,
  claimedLength,
  FRAME_HEADER_BYTES,
  findFrame,
  parseFrame,
  parseSegmentHeader,
  SEGMENT_HEADER_BYTES,
} from './segment-format.ts'
import { READ_BYTES, ReadBuffers, SegmentReader } from './segment-reader.ts'

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
  const found: ReadSegment[] = []
  const buffers = new ReadBuffers()
  // One is open at a time: a log may have more segments than the process may open files.
  for (const sequence of sequences) found.push(await readSegment(files, sequence, replay, hardState.logWrite, buffers))
  replay.assertReaches(hardState)
  for (const sequence of all) if (!sequences.includes(sequence)) await files.remove(sequence)
  for (const segment of found) await rewriteUnproven(files, segment, buffers)
  const active = Math.max(
    found.findLastIndex(({ end }) => end > SEGMENT_HEADER_BYTES),
    0,
  )
  const [last, prepared] = [found[active] as ReadSegment, found[active + 1]]
  files.resume(
    { ...last, file: await files.open(last.sequence) },
    sequences.slice(0, active),
    prepared && { ...prepared, file: await files.open(prepared.sequence) },
  )
  return replay.result()
}

/** A segment that was read to its end and is closed. */
interface ReadSegment extends Omit<WritableSegment, 'file'> {
  /** Where the first frame is that is not known to be durable. */
  readonly unprovenFrom: number | undefined
}

/** Whether a frame starts in this segment. */
export async function hasFrames(files: SegmentFiles, sequence: number): Promise<boolean> {
  const file = await files.open(sequence)
  const reader = new SegmentReader(file, (await file.stat()).size, new ReadBuffers())
  try {
    const header = parseSegmentHeader(await reader.bytes(0, SEGMENT_HEADER_BYTES))
    return !('damage' in header) && !('damage' in (await readFrame(reader, SEGMENT_HEADER_BYTES, header, 0)))
  } finally {
    await reader.end()
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
  buffers: ReadBuffers,
): Promise<ReadSegment> {
  const file = await files.open(sequence)
  const reader = new SegmentReader(file, (await file.stat()).size, buffers)
  try {
    const header = parseSegmentHeader(await reader.bytes(0, SEGMENT_HEADER_BYTES))
    const path = files.pathOf(sequence)
    if ('damage' in header) throw replay.damaged(`the segment ${path} is damaged: ${header.damage}`)
    if (header.sequence !== sequence) throw replay.damaged(`the segment ${path} is number ${header.sequence}`)
    let end = SEGMENT_HEADER_BYTES
    let unprovenFrom: number | undefined
    for (;;) {
      const found = await readFrame(reader, end, header, end > SEGMENT_HEADER_BYTES ? replay.write : 0)
      if ('damage' in found) {
        await assertNoFrameAfter(reader, end, header, replay, `${found.damage} at byte ${end} of ${path}`)
        break
      }
      if (found.frame.number > provenWrite) unprovenFrom ??= end
      replay.add(found.frame, found.bytes, sequence, end)
      end += found.frame.length
    }
    return { sequence, salt: header.salt, capacity: reader.size, end, unprovenFrom }
  } finally {
    await reader.end()
    await file.close()
  }
}

/**
 * The frame of a write after number `after`. The first 8 bytes of a frame may be in another sector than its rest: if only they survive a crash,
 * a whole frame of the file's earlier use may follow them, which has a lower number.
 */
async function readFrame(
  reader: SegmentReader,
  at: number,
  { salt }: SegmentHeader,
  after: number,
): Promise<{ readonly frame: Frame; readonly bytes: Buffer } | { readonly damage: string }> {
  const length = claimedLength(await reader.bytes(at, at + FRAME_HEADER_BYTES), salt)
  if (length === undefined || at + length > reader.size) return { damage: 'no frame starts' }
  const bytes = await reader.bytes(at, at + length)
  const frame = parseFrame(bytes)
  if ('damage' in frame) return frame
  return frame.number > after ? { frame, bytes } : { damage: `a frame of the earlier write ${frame.number} starts` }
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
  for (let start = end + ALIGNMENT; start < reader.size; start += READ_BYTES - ALIGNMENT) {
    const bytes = await reader.bytes(start, start + READ_BYTES)
    const places: number[] = []
    for (let at = findFrame(bytes, 0, header.salt); at !== undefined; at = findFrame(bytes, at + 1, header.salt))
      places.push(start + at)
    for (const place of places) {
      const found = await readFrame(reader, place, header, replay.write)
      if (!('damage' in found)) throw replay.damaged(what)
    }
  }
}

/**
 * Writes the frames again that are not known to be durable: after a crash of the process they may be in the memory of the system only,
 * and after a failed sync they may seem written although they are not.
 */
async function rewriteUnproven(
  files: SegmentFiles,
  { sequence, unprovenFrom, end }: ReadSegment,
  buffers: ReadBuffers,
): Promise<void> {
  if (unprovenFrom === undefined) return
  const file = await files.open(sequence)
  const reader = new SegmentReader(file, end, buffers)
  try {
    for (let at = unprovenFrom; at < end; at += READ_BYTES)
      await writeAll(file, await reader.bytes(at, Math.min(at + READ_BYTES, end)), at)
    await file.datasync()
  } finally {
    await reader.end()
    await file.close()
  }
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
      const { first, term, kind, membership, count, checksum } = this.#decode(bytes.subarray(position, position + size))
      if (first !== this.#last.index + 1 || term < this.#last.term)
        throw this.damaged(`a block of term ${term} that starts at ${first} follows ${this.#last.index}`)
      this.#blocks.push({ first, term, kind, membership, count, checksum, size, segment, at: at + position })
      this.#last = { index: first + count - 1, term }
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

  /** The checksum of the frame has verified the bytes. */
  #decode(bytes: Buffer): BlockHeader {
    try {
      return decodeVerifiedHeader(bytes)
    } catch (cause) {
      throw damagedLog(this.#location, this.#last.index, 0, (cause as Error).message, cause)
    }
  }
}

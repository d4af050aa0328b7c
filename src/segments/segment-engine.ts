/** The log in segment files: each write is one frame, written and synced in one call. */

import type { DataDirectory } from '../data-directory/data-directory.ts'
import { makeDirectory, namesIn } from '../data-directory/durable-files.ts'
import type { HardStateRecord } from '../data-directory/hard-state-file.ts'
import type { EngineFiles, LogEngine, LogWrite, OpenedLog } from '../data-directory/log-engine.ts'
import { corrupt, storageError } from '../data-directory/storage-errors.ts'
import type { BlockList } from '../log-format/block-list.ts'
import type { DirectoryLock } from './directory-lock.ts'
import { lockDirectory } from './directory-lock.ts'
import type { SegmentFilesOptions } from './segment-files.ts'
import { SegmentFiles } from './segment-files.ts'
import { encodeFrame, frameLength, SEGMENT_HEADER_BYTES } from './segment-format.ts'
import type { StoredBlock } from './segment-recovery.ts'
import { hasFrames, recoverSegments } from './segment-recovery.ts'

export class SegmentLogFiles implements EngineFiles<StoredBlock> {
  readonly #files: SegmentFiles
  readonly #location: string
  readonly #lock: DirectoryLock

  private constructor(files: SegmentFiles, location: string, lock: DirectoryLock) {
    this.#files = files
    this.#location = location
    this.#lock = lock
  }

  static async open(
    directory: DataDirectory,
    options: SegmentFilesOptions,
    mustExist: boolean,
  ): Promise<SegmentLogFiles> {
    const lock = await lockDirectory(directory)
    const location = directory.segments
    try {
      if (mustExist && (await namesIn(location)).length === 0)
        throw corrupt(`the log in ${location} is lost: it has no segments`, { file: location })
      await makeDirectory(location)
      return new SegmentLogFiles(new SegmentFiles(location, options), location, lock)
    } catch (cause) {
      await lock.release()
      throw storageError(cause, `open the log in ${location}`)
    }
  }

  /** How many writes were made at once, without a thread. */
  get immediateWrites(): number {
    return this.#files.immediateWrites
  }

  async isUnused(wasInterrupted: boolean): Promise<boolean> {
    const sequences = await this.#files.list()
    if (sequences.length === 0) return true
    return wasInterrupted && sequences.length === 1 && !(await hasFrames(this.#files, sequences[0] as number))
  }

  async initialize(): Promise<void> {
    for (const sequence of await this.#files.list()) await this.#files.remove(sequence)
    await this.#files.create()
  }

  async recover(hardState: HardStateRecord): Promise<OpenedLog<StoredBlock>> {
    const { checksum, ...recovered } = await recoverSegments(this.#files, this.#location, hardState)
    return { engine: new SegmentEngine(this.#files, this.#location, checksum), ...recovered }
  }

  async close(): Promise<void> {
    try {
      await this.#files.close()
    } finally {
      await this.#lock.release()
    }
  }
}

class SegmentEngine implements LogEngine<StoredBlock> {
  readonly #files: SegmentFiles
  readonly #location: string
  /** The checksum of the last frame. */
  #checksum: number
  /** The segment of the last durable frame, which the log needs even if it has no blocks. */
  #lastSequence: number

  constructor(files: SegmentFiles, location: string, checksum: number) {
    this.#files = files
    this.#location = location
    this.#checksum = checksum
    this.#lastSequence = files.activeSequence
  }

  async write(log: BlockList<StoredBlock>, entry: LogWrite): Promise<readonly StoredBlock[]> {
    const { number, write, change, commitIndex, snapshot } = entry
    const segment = await this.#files.segmentFor(frameLength(write.blocks, snapshot))
    const isFirst = segment.end === SEGMENT_HEADER_BYTES
    const isReset = write.snapshot?.resetLog === true
    const frame = encodeFrame(
      {
        number,
        base: change.base,
        before: isReset ? change.base : log.entryBefore(change.keepTo),
        last: change.last,
        commitIndex,
        isReset,
        snapshot: isFirst ? snapshot : write.snapshot?.info,
      },
      write.blocks,
      { salt: segment.salt, checksumBefore: this.#checksum },
    )
    const start = segment.end
    await this.#files.append(segment, frame.parts, frame.length)
    this.#checksum = frame.checksum
    this.#lastSequence = segment.sequence
    return write.blocks.map(({ first, term, kind, membership, count, checksum, size }, offset) => {
      const at = start + (frame.positions[offset] as number)
      return { first, term, kind, membership, count, checksum, size, segment: segment.sequence, at }
    })
  }

  async read(log: BlockList<StoredBlock>, from: number, to: number): Promise<readonly (Buffer | undefined)[]> {
    const blocks = log.blocks.slice(from, to)
    const result: (Buffer | undefined)[] = []
    try {
      for (let at = 0; at < blocks.length; ) {
        const end = runEnd(blocks, at)
        const [first, last] = [blocks[at] as StoredBlock, blocks[end - 1] as StoredBlock]
        const bytes = await this.#files.read(first.segment, first.at, last.at + last.size)
        for (; at < end; at++) {
          const block = blocks[at] as StoredBlock
          result.push(bytes?.subarray(block.at - first.at, block.at - first.at + block.size))
        }
      }
    } catch (cause) {
      throw storageError(cause, `read the log in ${this.#location}`)
    }
    return result
  }

  needsCleaning(log: BlockList<StoredBlock>): boolean {
    const [first] = log.blocks
    return this.#files.hasOlderThan(first?.segment ?? this.#lastSequence)
  }

  async clean(log: BlockList<StoredBlock>): Promise<void> {
    const [first] = log.blocks
    await this.#files.removeOlderThan(first?.segment ?? this.#lastSequence)
  }
}

/** The offset after the last of the blocks that follow each other directly in one segment. */
function runEnd(blocks: readonly StoredBlock[], from: number): number {
  let end = from + 1
  for (; end < blocks.length; end++) {
    const [before, block] = [blocks[end - 1] as StoredBlock, blocks[end] as StoredBlock]
    if (block.segment !== before.segment || block.at !== before.at + before.size) break
  }
  return end
}

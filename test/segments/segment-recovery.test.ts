/** What recovery makes of the bytes of a log: an interrupted write at any byte and in any sectors, any flipped bit, segments that do not belong. */
import assert from 'node:assert/strict'
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises'
import { syncDirectory } from '../../src/data-directory/durable-files.ts'
import { isRaftError } from '../../src/errors.ts'
import { encodeCommands } from '../../src/log-format/block.ts'
import { SegmentFiles } from '../../src/segments/segment-files.ts'
import { encodeFrame, encodeSegmentHeader, SEGMENT_HEADER_BYTES } from '../../src/segments/segment-format.ts'
import { recoverSegments } from '../../src/segments/segment-recovery.ts'
import { PowerCutDirectory } from '../../src/testing/disk/power-cut-directory.ts'
import { temporaryDirectory } from '../storage/directory-fixture.ts'

const SECTOR_BYTES = 512
const SEGMENT_BYTES = 12 * 1024
const SALT = 0x11223344
const FIRST_NUMBER = 100
/** The file of a segment was used before: its frames had another salt and lower numbers. */
const EARLIER_USE = { salt: 0x55667788, firstNumber: 2, fill: 2 }

interface Log {
  /** The bytes of each segment, by sequence. */
  readonly segments: Map<number, Buffer>
  /** Where the frames start in their segment, and where the last one ends. */
  readonly starts: readonly number[]
}

describe('the recovery of segments', () => {
  let directory: string
  beforeEach(async () => {
    directory = await temporaryDirectory()
    await mkdir(directory, { recursive: true })
  })
  afterEach(() => rm(directory, { recursive: true }))

  /** A log of one entry per write, whose commands have these sizes; a segment holds `perSegment` of them. */
  function logOf(
    sizes: readonly number[],
    { salt = SALT, firstNumber = FIRST_NUMBER, perSegment = sizes.length, fill = 1 } = {},
  ): Log {
    const segments = new Map<number, Buffer>()
    const starts: number[] = []
    let [end, checksum] = [0, 0]
    for (const [at, size] of sizes.entries()) {
      const sequence = 1 + Math.floor(at / perSegment)
      if (at % perSegment === 0) {
        segments.set(sequence, Buffer.alloc(SEGMENT_BYTES))
        encodeSegmentHeader({ sequence, salt: salt + sequence }).copy(segments.get(sequence) as Buffer)
        end = SEGMENT_HEADER_BYTES
      }
      const before = { index: at, term: at === 0 ? 0 : 1 }
      const frame = encodeFrame(
        {
          ...{ number: firstNumber + at, base: { index: 0, term: 0 }, before, last: { index: at + 1, term: 1 } },
          ...{ commitIndex: 0, isReset: false, snapshot: undefined },
        },
        [encodeCommands(at + 1, 1, [new Uint8Array(size).fill(fill)])],
        { salt: salt + sequence, checksumBefore: checksum },
      )
      starts.push(end)
      Buffer.concat(frame.parts).copy(segments.get(sequence) as Buffer, end)
      end += frame.length
      checksum = frame.checksum
    }
    return { segments, starts: [...starts, end] }
  }

  function filesIn(path: string): SegmentFiles {
    return new SegmentFiles(path, {
      ...{ segmentBytes: SEGMENT_BYTES, immediateWriteBytesMax: 0, immediateWriteMsMax: 5 },
      reserve: () => Promise.resolve(),
    })
  }

  /** The last entry that is recovered. All writes up to the marked one are known to have been durable. */
  async function lastIn(path: string, markedWrites: number): Promise<number> {
    const files = filesIn(path)
    const logWrite = markedWrites === 0 ? 0 : FIRST_NUMBER + markedWrites - 1
    const last = { lastIndex: markedWrites, lastTerm: markedWrites === 0 ? 0 : 1 }
    const hardState = { number: 1, term: 1, votedFor: undefined, commitIndex: 0, logWrite, ...last }
    try {
      return (await recoverSegments(files, path, hardState)).log.last.index
    } finally {
      await files.close()
    }
  }

  /** The last entry that is recovered from these segments, or 'damaged'. */
  async function recover(segments: ReadonlyMap<number, Buffer>, markedWrites = 0): Promise<number | 'damaged'> {
    const files = filesIn(directory)
    for (const sequence of await files.list()) await files.remove(sequence)
    for (const [sequence, bytes] of segments) await writeFile(files.pathOf(sequence), bytes)
    try {
      return await lastIn(directory, markedWrites)
    } catch (error) {
      assert.ok(isRaftError(error, 'ERR_RAFT_CORRUPT'), String(error))
      for (const [sequence, bytes] of segments)
        assert.deepEqual(await readFile(files.pathOf(sequence)), bytes, 'a rejected log was changed')
      return 'damaged'
    }
  }

  /** What a segment contains before its last write: zeros, or what the file contained in an earlier use. */
  function beforeLast({ segments, starts }: Log, earlier: Buffer): Buffer {
    const start = starts.at(-2) as number
    return Buffer.concat([(segments.get(1) as Buffer).subarray(0, start), earlier.subarray(start)])
  }

  it('cuts off a last write that is torn at any byte, and rejects it if it was durable', async () => {
    const sizes = [10, 20, 30]
    const log = logOf(sizes)
    const [, , last, end] = log.starts as [number, number, number, number]
    const whole = log.segments.get(1) as Buffer
    assert.equal(await recover(log.segments, 3), 3)
    const overZeros = beforeLast(log, Buffer.alloc(SEGMENT_BYTES))
    const overEarlierUse = beforeLast(log, logOf(sizes, EARLIER_USE).segments.get(1) as Buffer)
    for (let cut = last; cut < end; cut++)
      for (const before of cut % 8 === 0 ? [overEarlierUse, overZeros] : [overEarlierUse]) {
        const torn = new Map([[1, Buffer.concat([whole.subarray(0, cut), before.subarray(cut)])]])
        const isWhole = torn.get(1)?.subarray(0, end).equals(whole.subarray(0, end))
        assert.equal(await recover(torn), isWhole ? 3 : 2, `torn at ${cut}`)
        if (before === overZeros) assert.equal(await recover(torn, 3), isWhole ? 3 : 'damaged', `torn at ${cut}`)
      }
  })

  it('cuts off a last write of which any sectors are missing', async () => {
    const sizes = [10, 20, 2300]
    const log = logOf(sizes)
    const [, , last, end] = log.starts as [number, number, number, number]
    const first = last - (last % SECTOR_BYTES)
    const sectors = Array.from(
      { length: Math.ceil((end - first) / SECTOR_BYTES) },
      (_, at) => first + at * SECTOR_BYTES,
    )
    assert.ok(sectors.length >= 5)
    const before = beforeLast(log, logOf(sizes, EARLIER_USE).segments.get(1) as Buffer)
    for (let survivors = 0; survivors < 2 ** sectors.length - 1; survivors++) {
      const bytes = Buffer.from(before)
      for (const [bit, start] of sectors.entries())
        if ((survivors >> bit) & 1) log.segments.get(1)?.copy(bytes, start, start, start + SECTOR_BYTES)
      assert.equal(await recover(new Map([[1, bytes]])), 2, `survivors ${survivors.toString(2)}`)
    }
  })

  it('rejects any flipped bit of a write that another follows or that is marked, and of the header', async () => {
    const { segments, starts } = logOf([10, 20, 30])
    const [, second, last, end] = starts as [number, number, number, number]
    const places = [0, 3, 4, 7, 8, 11, 12, 15, 16, 23, 24, 100, SEGMENT_HEADER_BYTES - 1]
    for (let place = second; place < end; place += place < last ? 1 : 3) places.push(place)
    for (const place of places) {
      const bytes = Buffer.from(segments.get(1) as Buffer)
      bytes[place] = (bytes[place] as number) ^ (1 << (place % 8))
      assert.equal(await recover(new Map([[1, bytes]])), place < last ? 'damaged' : 2, `byte ${place}`)
      if (place >= last) assert.equal(await recover(new Map([[1, bytes]]), 3), 'damaged', `byte ${place}, marked`)
    }
  })

  it('rejects a log whose segments are missing, exchanged or of another log', async () => {
    const sizes = [10, 20, 30, 40, 50, 60]
    const { segments } = logOf(sizes, { perSegment: 2 })
    const other = logOf(sizes, { perSegment: 2, salt: EARLIER_USE.salt, fill: 2 }).segments
    const changed = (...changes: [number, Buffer | undefined][]): Map<number, Buffer> =>
      new Map(
        [...new Map<number, Buffer | undefined>([...segments, ...changes])].filter(
          (entry): entry is [number, Buffer] => entry[1] !== undefined,
        ),
      )
    assert.equal(await recover(segments), 6)
    for (const sequence of [1, 2])
      assert.equal(await recover(changed([sequence, undefined])), 'damaged', `${sequence} is missing`)
    assert.equal(await recover(changed([3, undefined]), 6), 'damaged')
    for (const sequence of [1, 2, 3])
      assert.equal(await recover(changed([sequence, other.get(sequence)])), 'damaged', `${sequence} is another's`)
    assert.equal(await recover(changed([2, segments.get(3)], [3, segments.get(2)])), 'damaged')
    assert.equal(await recover(changed([4, segments.get(1)])), 'damaged')
  })

  it('makes durable what a killed process has written after the mark, so that a power cut does not take it later', async () => {
    const disk = await PowerCutDirectory.create()
    try {
      const { segments, starts } = logOf([10, 20, 30])
      const whole = segments.get(1) as Buffer
      const file = await open(filesIn(disk.path).pathOf(1), 'w')
      await file.write(
        Buffer.concat([whole.subarray(0, starts[1]), Buffer.alloc(SEGMENT_BYTES - Number(starts[1]))]),
        0,
        SEGMENT_BYTES,
        0,
      )
      await file.sync()
      await syncDirectory(disk.path)
      await file.write(whole, 0, whole.length, 0)
      await file.close()
      assert.equal(await lastIn(disk.path, 1), 3)
      await disk.fixture.crash()
      assert.equal(await lastIn(disk.path, 1), 3)
    } finally {
      await disk.fixture.destroy()
    }
  })
})

/** When a write waits for the file of a new segment, and which files are used again. */
import assert from 'node:assert/strict'
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { SegmentFiles } from '../../src/segments/segment-files.ts'
import { temporaryDirectory } from '../storage/directory-fixture.ts'

const SEGMENT_BYTES = 64 * 1024
const FRAME_BYTES = 8000

describe('the files of segments', () => {
  let directory: string
  let files: SegmentFiles
  /** How many files were filled with zeros. */
  let filled: number
  /** What the next fills wait for. */
  let space: Promise<void>

  beforeEach(async () => {
    directory = await temporaryDirectory()
    await mkdir(directory, { recursive: true })
    filled = 0
    space = Promise.resolve()
    files = new SegmentFiles(directory, {
      ...{ segmentBytes: SEGMENT_BYTES, immediateWriteBytesMax: 0, immediateWriteMsMax: 5 },
      reserve: () => {
        filled++
        return space
      },
    })
    await files.create()
    files.resume({ sequence: 1, salt: 1, file: await files.open(1), capacity: SEGMENT_BYTES, end: 4096 }, [], undefined)
  })

  afterEach(async () => {
    await files.close()
    await rm(directory, { recursive: true })
  })

  /** Writes a frame, and returns the segment that it is in. */
  async function append(): Promise<number> {
    const segment = await files.segmentFor(FRAME_BYTES)
    await files.append(segment, [Buffer.alloc(FRAME_BYTES, 1)], FRAME_BYTES)
    return segment.sequence
  }

  async function appendUntilIn(sequence: number): Promise<void> {
    while ((await append()) < sequence);
  }

  it('let writes continue while the next segment is prepared, up to twice the size of a segment', async () => {
    let release = (): void => undefined
    space = new Promise((resolve) => {
      release = resolve
    })
    for (let count = 0; count < 15; count++) assert.equal(await append(), 1)
    const { size } = await stat(files.pathOf(1))
    assert.ok(size > SEGMENT_BYTES && size <= 2 * SEGMENT_BYTES, `${size} bytes`)
    const next = append()
    release()
    assert.equal(await next, 2)
  })

  it('are used again, a limited number of them, without filling them', async () => {
    await appendUntilIn(8)
    assert.ok(filled >= 8)
    await files.removeOlderThan(8)
    const spares = (await readdir(directory)).filter((name) => name.startsWith('spare-'))
    assert.equal(spares.length, 4)
    const before = filled
    await appendUntilIn(11)
    assert.equal(filled, before)
    await files.list()
    assert.ok(!(await readdir(directory)).some((name) => name.startsWith('spare-')))
  })
})

/** Which writes are made at once, on the thread of JavaScript: small ones, on Linux, while the disk is fast. */
import assert from 'node:assert/strict'
import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DurableWriter, SYNCS_WRITES } from '../../src/segments/durable-writer.ts'
import { temporaryDirectory } from '../storage/directory-fixture.ts'

const FAST_WRITES = 32

describe('the durable writer', () => {
  before(function () {
    if (!SYNCS_WRITES) this.skip()
  })

  let directory: string
  let path: string
  let file: FileHandle
  let now = 0
  /** How long the next writes take. */
  let writeMs = 1
  let end = 0
  let writer: DurableWriter

  beforeEach(async () => {
    directory = await temporaryDirectory()
    await mkdir(directory, { recursive: true })
    path = join(directory, 'frames')
    file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_DSYNC)
    ;[now, writeMs, end] = [0, 1, 0]
    writer = create(100)
  })
  afterEach(async () => {
    await file.close()
    await rm(directory, { recursive: true })
  })

  /** The clock moves by `writeMs` between its two readings of a write. */
  function create(immediateWriteBytesMax: number, immediateWriteMsMax = 5): DurableWriter {
    let isEnd = false
    return new DurableWriter({
      ...{ immediateWriteBytesMax, immediateWriteMsMax },
      now: () => {
        if (isEnd) now += writeMs
        isEnd = !isEnd
        return now
      },
    })
  }

  async function write(bytes = 10, count = 1): Promise<void> {
    for (let at = 0; at < count; at++, end += bytes)
      await writer.write(file, [Buffer.alloc(bytes - 1, 1), Buffer.alloc(1, 2)], bytes, end)
  }

  it('writes at once after so many fast writes in succession', async () => {
    await write(10, FAST_WRITES)
    assert.equal(writer.immediateWrites, 0)
    await write(10, 5)
    assert.equal(writer.immediateWrites, 5)
    const expected = Buffer.concat(Array.from({ length: FAST_WRITES + 5 }, () => Buffer.from([...Array(9).fill(1), 2])))
    assert.deepEqual(await readFile(path), expected)
  })

  it('writes nothing at once after a slow write, until the disk is fast again', async () => {
    await write(10, FAST_WRITES)
    writeMs = 6
    await write()
    assert.equal(writer.immediateWrites, 1)
    writeMs = 5
    await write(10, FAST_WRITES)
    assert.equal(writer.immediateWrites, 1)
    await write()
    assert.equal(writer.immediateWrites, 2)
  })

  it('takes a write for slow that is longer than its limit', async () => {
    writer = create(100, 1)
    writeMs = 2
    await write(10, FAST_WRITES + 1)
    assert.equal(writer.immediateWrites, 0)
    writeMs = 1
    await write(10, FAST_WRITES + 1)
    assert.equal(writer.immediateWrites, 1)
  })

  it('writes nothing at once that is larger than the limit, and nothing at all with a limit of 0', async () => {
    await write(100, FAST_WRITES + 1)
    assert.equal(writer.immediateWrites, 1)
    await write(101)
    assert.equal(writer.immediateWrites, 1)
    writer = create(0)
    await write(10, FAST_WRITES + 5)
    assert.equal(writer.immediateWrites, 0)
  })
})

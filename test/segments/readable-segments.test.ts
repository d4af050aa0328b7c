/** Which segments are open for reads: the ones that are written, the ones with a pending read, and a limited number of others. */
import assert from 'node:assert/strict'
import type { FileHandle } from 'node:fs/promises'
import { OPEN_SEGMENTS_MAX, ReadableSegments } from '../../src/segments/readable-segments.ts'

const COUNT = 2 * OPEN_SEGMENTS_MAX

describe('the segments that can be read', () => {
  /** The sequence of each open file; one that is opened twice is there twice. */
  let open: number[]
  /** The sequence of each file that was opened. */
  let opened: number[]
  let segments: ReadableSegments

  beforeEach(() => {
    ;[open, opened] = [[], []]
    segments = new ReadableSegments(async (sequence) => fileOf(sequence))
    for (let sequence = 1; sequence <= COUNT; sequence++) segments.add(sequence)
  })
  afterEach(async () => {
    await segments.close()
    assert.deepEqual(open, [], 'all files are closed')
  })

  /** A file without bytes. Like that of Node, it cannot be used once it is closed. */
  function fileOf(sequence: number): FileHandle {
    opened.push(sequence)
    open.push(sequence)
    let isOpen = true
    const close = async (): Promise<void> => {
      if (isOpen) open.splice(open.indexOf(sequence), 1)
      isOpen = false
    }
    const read = async (): Promise<void> => assert.ok(isOpen, `segment ${sequence} is closed`)
    return { close, read } as unknown as FileHandle
  }

  async function readAll(from = 1): Promise<void> {
    for (let sequence = from; sequence <= COUNT; sequence++) {
      await segments.read(sequence, (file) => file.read())
      assert.ok(open.length <= OPEN_SEGMENTS_MAX + 1, `${open.length} are open`)
    }
  }

  /** Begins a read, which ends once the function that it returns is called. */
  function beginRead(sequence: number): () => Promise<string | undefined> {
    let release = (): void => undefined
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    const reading = segments.read(sequence, async (file) => {
      await released
      await file.read()
      return 'read'
    })
    return () => {
      release()
      return reading
    }
  }

  it('are closed beyond a limit, the one that was read longest ago first', async () => {
    await readAll()
    assert.deepEqual(
      open,
      Array.from({ length: OPEN_SEGMENTS_MAX }, (_, at) => COUNT - OPEN_SEGMENTS_MAX + 1 + at),
    )
    const [oldest = 0, second = 0] = open
    await segments.read(oldest, (file) => file.read())
    assert.equal(opened.length, COUNT)
    await segments.read(1, (file) => file.read())
    assert.deepEqual([open.includes(oldest), open.includes(second), open.includes(1)], [true, false, true])
  })

  it('stay open while a read is pending, and are closed after it', async () => {
    const endRead = beginRead(1)
    await readAll(2)
    assert.ok(open.includes(1))
    await readAll(2)
    assert.equal(await endRead(), 'read')
    assert.equal(opened.filter((sequence) => sequence === 1).length, 1)
    assert.ok(open.length <= OPEN_SEGMENTS_MAX)
  })

  it('stay open while they are written, and are closed like others afterwards', async () => {
    segments.addWritten(COUNT + 1, fileOf(COUNT + 1))
    const endRead = beginRead(COUNT + 1)
    await readAll()
    assert.ok(open.includes(COUNT + 1))
    segments.addWritten(COUNT + 2, fileOf(COUNT + 2))
    await segments.endWriting(COUNT + 1)
    assert.equal(await endRead(), 'read')
    await readAll()
    assert.deepEqual([open.includes(COUNT + 1), open.includes(COUNT + 2)], [false, true])
  })

  it('have no bytes for a read during which they are removed', async () => {
    const endRead = beginRead(1)
    await segments.remove(1)
    assert.equal(await endRead(), undefined)
    assert.equal(await segments.read(1, async () => 'read'), undefined)
  })

  it('are opened once for several reads, and again after an attempt that failed', async () => {
    await Promise.all([1, 2, 3].map(() => segments.read(1, (file) => file.read())))
    assert.deepEqual(opened, [1])
    let isFailing = true
    const failing = new ReadableSegments(async (sequence) => {
      if (isFailing) throw new Error('too many open files')
      return fileOf(sequence)
    })
    failing.add(1)
    await assert.rejects(
      failing.read(1, async () => 'read'),
      /too many open files/,
    )
    isFailing = false
    assert.equal(await failing.read(1, async () => 'read'), 'read')
    await failing.close()
  })
})

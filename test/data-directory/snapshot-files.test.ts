/** Snapshot files never return damaged bytes, and resume only after verified frames. */
import assert from 'node:assert/strict'
import type { FileHandle } from 'node:fs/promises'
import { open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { SnapshotFiles } from '../../src/data-directory/snapshot-files.ts'
import { isRaftError } from '../../src/errors.ts'
import { temporaryDirectory } from '../storage/directory-fixture.ts'

const CHUNK = 256 * 1024
const CONTENT = Buffer.from(Uint32Array.from({ length: 150_000 }, (_, at) => at).buffer)
const INFO = {
  id: 's1',
  index: 7,
  term: 2,
  chain: 9,
  membership: { members: [], voters: [], outgoing: [], learners: [] },
  size: CONTENT.length,
}

describe('a store of snapshot files', () => {
  let root: string
  let files: SnapshotFiles

  beforeEach(async () => {
    root = await temporaryDirectory()
    files = new SnapshotFiles(root, () => {})
  })
  afterEach(async () => {
    await files.close()
    await rm(root, { recursive: true, force: true })
  })

  const save = async () => {
    const writer = await files.create(INFO)
    await writer.write(CONTENT)
    await writer.finish()
    return join(root, 's1.snap')
  }
  const load = async () => {
    const chunks: Uint8Array[] = []
    for await (const chunk of files.read('s1', 0)) chunks.push(chunk)
    return Buffer.concat(chunks)
  }

  it('returns the whole snapshot or an error, whichever bit is flipped', async () => {
    const path = await save()
    const intact = await readFile(path)
    await fc.assert(
      fc.asyncProperty(fc.nat(intact.length * 8 - 1), async (bit) => {
        const damaged = Buffer.from(intact)
        damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        await writeFile(path, damaged)
        await assert.rejects(load(), (error) => isRaftError(error, 'ERR_RAFT_CORRUPT'))
      }),
      { numRuns: 60, examples: [[0], [31], [40], [intact.length * 8 - 1], [(intact.length - 60) * 8]] },
    )
  })

  it('returns the whole snapshot or an error, wherever the file is truncated', async () => {
    const path = await save()
    const intact = await readFile(path)
    for (const length of [0, 3, 50, 300, CHUNK, CHUNK + 300, intact.length - 64, intact.length - 1]) {
      await writeFile(path, intact)
      await truncate(path, length)
      await assert.rejects(load(), (error) => isRaftError(error, 'ERR_RAFT_CORRUPT'), `${length} bytes`)
    }
  })

  it('detects two exchanged frames', async () => {
    const path = await save()
    const bytes = await readFile(path)
    const at = 4 + bytes.readUInt32LE(0)
    const first = Buffer.from(bytes.subarray(at, at + CHUNK + 4))
    bytes.copyWithin(at, at + CHUNK + 4, at + 2 * (CHUNK + 4))
    first.copy(bytes, at + CHUNK + 4)
    await writeFile(path, bytes)
    await assert.rejects(load(), (error) => isRaftError(error, 'ERR_RAFT_CORRUPT'))
  })

  it('resumes after the last complete frame', async () => {
    const writer = await files.create(INFO)
    await writer.write(CONTENT.subarray(0, 2 * CHUNK + 10))
    await writer.suspend()
    const path = join(root, 's1.part')
    const bytes = await readFile(path)
    const at = 4 + bytes.readUInt32LE(0) + CHUNK + 4 + 1000
    bytes[at] = (bytes[at] ?? 0) ^ 1
    await writeFile(path, bytes)
    const again = await files.create(INFO)
    assert.equal(again.offset, CHUNK)
    await again.write(CONTENT.subarray(CHUNK))
    await again.finish()
    assert.ok((await load()).equals(CONTENT))
  })

  it('has the bytes that were passed, although the caller reuses its chunk', async () => {
    const writer = await files.create(INFO)
    const chunk = Buffer.alloc(CHUNK)
    for (let at = 0; at < CONTENT.length; at += CHUNK) {
      const length = CONTENT.copy(chunk, 0, at)
      await writer.write(chunk.subarray(0, length))
      chunk.fill(0)
    }
    await writer.finish()
    assert.ok((await load()).equals(CONTENT))
  })

  it('returns the rest from any offset, and nothing from the end', async () => {
    await save()
    for (const offset of [1, CHUNK - 1, CHUNK, CHUNK + 7, CONTENT.length - 1, CONTENT.length]) {
      const chunks: Uint8Array[] = []
      for await (const chunk of files.read('s1', offset)) {
        assert.ok(chunk.length > 0)
        chunks.push(chunk)
      }
      assert.ok(Buffer.concat(chunks).equals(CONTENT.subarray(offset)), `from ${offset}`)
    }
  })

  for (const call of ['write', 'read'] as const)
    it(`needs one ${call} for several frames`, async () => {
      const prototype = await fileHandlePrototype(root)
      const original = prototype[call]
      let large = 0
      prototype[call] = function (bytes, ...rest) {
        if ((bytes as Uint8Array).length > CHUNK) large++
        return original.call(this, bytes, ...rest)
      }
      try {
        const content = Buffer.alloc(8 * CHUNK, CONTENT)
        const writer = await files.create({ ...INFO, size: content.length })
        await writer.write(content)
        await writer.finish()
        assert.ok((await load()).equals(content))
      } finally {
        prototype[call] = original
      }
      assert.equal(large, 2)
    })

  for (const call of ['write', 'datasync'] as const)
    it(`is rejected, and leaves no file, after a ${call} that failed while the next bytes arrived`, async () => {
      const writer = await files.create({ ...INFO, size: 20 * 1024 * 1024 })
      const prototype = await fileHandlePrototype(root)
      const original = prototype[call]
      prototype[call] = () => Promise.reject(new Error('the disk has failed'))
      try {
        const writing = (async () => {
          for (let n = 0; n < 80; n++) await writer.write(Buffer.alloc(CHUNK))
          await writer.finish()
        })()
        await assert.rejects(
          writing,
          (error) => isRaftError(error, 'ERR_RAFT_STORAGE') && /disk has failed/.test(String(error)),
        )
      } finally {
        prototype[call] = original
      }
      await assert.rejects(writer.finish(), (error) => isRaftError(error, 'ERR_RAFT_STORAGE'))
      assert.deepEqual(await readdir(root), [])
    })

  it('replaces a partial file that is not a snapshot', async () => {
    await writeFile(join(root, 's1.part'), Buffer.alloc(100_000, 'x'))
    assert.equal((await files.create(INFO)).offset, 0)
  })

  it('starts a new file instead of a partial one of another content', async () => {
    const writer = await files.create({ ...INFO, checksum: 1 })
    await writer.write(CONTENT)
    await writer.suspend()
    const another = await files.create({ ...INFO, checksum: 2 })
    assert.equal(another.offset, 0)
    await another.write(CONTENT.subarray(0, CHUNK))
    await another.suspend()
    assert.equal((await files.create({ ...INFO, checksum: 2 })).offset, CHUNK)
  })

  it('allows one writer per snapshot', async () => {
    await files.create(INFO)
    await assert.rejects(files.create(INFO), (error) => isRaftError(error, 'ERR_RAFT_INTERNAL'))
  })

  it('keeps a file that is being written when it removes old ones', async () => {
    const writer = await files.create(INFO)
    await writer.write(CONTENT)
    await files.retain([])
    await writer.finish()
    assert.deepEqual(await files.list(), ['s1'])
  })

  it('closes the file when a reader stops early', async () => {
    await save()
    for await (const chunk of files.read('s1', 0)) if (chunk.length > 0) break
    await files.retain([])
    await assert.rejects(load(), (error) => isRaftError(error, 'ERR_RAFT_SNAPSHOT_GONE'))
  })
})

async function fileHandlePrototype(
  directory: string,
): Promise<Record<'read' | 'write' | 'datasync', (this: FileHandle, ...args: unknown[]) => Promise<unknown>>> {
  const file = await open(directory, 'r')
  await file.close()
  return Object.getPrototypeOf(file)
}

/** What nodes store: the data directory of each engine, snapshot files and backups. */
import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import type { EncodedBlock } from '../../../src/contracts/encoded-block.ts'
import type { Storage } from '../../../src/contracts/storage.ts'
import type { SnapshotInfo } from '../../../src/core/types.ts'
import { encodeBackup, readBackup, readBackupChunks } from '../../../src/data-directory/backup-file.ts'
import { decodeChecksummedJson, encodeChecksummedJson } from '../../../src/data-directory/checksummed-json.ts'
import { SnapshotFiles } from '../../../src/data-directory/snapshot-files.ts'
import { fileNameOf } from '../../../src/data-directory/snapshot-format.ts'
import { inspectDataDirectory } from '../../../src/operations/inspect-data-directory.ts'
import { RocksDBStorage } from '../../../src/rocksdb/index.ts'
import { SegmentStorage } from '../../../src/segments/index.ts'
import {
  claimedLength,
  encodeFrame,
  encodeSegmentHeader,
  parseFrame,
  parseSegmentHeader,
  SEGMENT_HEADER_BYTES,
} from '../../../src/segments/segment-format.ts'
import { temporaryDirectory } from '../../storage/directory-fixture.ts'
import type { FrozenFormat } from '../fixture-file.ts'
import { LAST_INDEX, newMachine, SAMPLE_BLOCKS, snapshotAfter } from './sample-log.ts'

export type Engine = 'segments' | 'rocksdb'

const CLUSTER = 'frozen-cluster'
/** Small, so that the log is in several files. */
const SEGMENT_BYTES = 64 * 1024
/** What RocksDB writes about itself and does not need. */
const UNNEEDED = /\/(LOG|LOG\.old.*)$/

export function openStorage(engine: Engine, directory: string): Storage {
  return engine === 'rocksdb'
    ? new RocksDBStorage({ directory })
    : new SegmentStorage({ directory, segmentBytes: SEGMENT_BYTES })
}

/** Calls `work` with a new directory, and removes it. */
export async function inTemporary<Value>(work: (directory: string) => Promise<Value>): Promise<Value> {
  const directory = await temporaryDirectory()
  try {
    return await work(directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** Writes the sample log in several writes, with a snapshot in its middle. */
async function writeSample(engine: Engine, directory: string): Promise<void> {
  const storage = openStorage(engine, directory)
  await storage.open({ clusterId: CLUSTER, nodeId: 'n1' })
  const hardState = (term: number, commitIndex: number) => ({ term, votedFor: 'n1', commitIndex })
  await storage.write({ blocks: SAMPLE_BLOCKS.slice(0, 2), hardState: hardState(1, 0), isUrgent: true })
  await storage.write({ blocks: SAMPLE_BLOCKS.slice(2, 4), hardState: hardState(1, 5), isUrgent: true })
  const { info, bytes } = await snapshotAfter(SAMPLE_BLOCKS.slice(0, 4))
  const writer = await storage.snapshots.create(info)
  await writer.write(bytes)
  await writer.finish()
  await storage.write({ blocks: [], snapshot: { info, resetLog: false }, compactTo: 2, isUrgent: true })
  await storage.write({ blocks: SAMPLE_BLOCKS.slice(4), hardState: hardState(2, LAST_INDEX), isUrgent: true })
  await storage.close()
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(chunk)
  return Buffer.concat(all)
}

/** The files of a directory as one text, each with its path. */
async function pack(directory: string): Promise<Buffer> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const files: [string, string][] = []
  for (const path of paths.sort()) {
    const name = relative(directory, path)
    if (!UNNEEDED.test(`/${name}`)) files.push([name, (await readFile(path)).toString('base64')])
  }
  return Buffer.from(JSON.stringify(Object.fromEntries(files)))
}

export async function unpack(bytes: Buffer, directory: string): Promise<void> {
  for (const [name, content] of Object.entries<string>(JSON.parse(bytes.toString()))) {
    await mkdir(dirname(join(directory, name)), { recursive: true })
    await writeFile(join(directory, name), Buffer.from(content, 'base64'))
  }
}

/** All that a node reads from its directory, except for the random id of the boot that opening it draws. */
async function readDirectory(engine: Engine, directory: string): Promise<unknown> {
  const { path: _, ...report } = await inspectDataDirectory({ directory, verify: true })
  const storage = openStorage(engine, directory)
  const { boot, blocks: headers, ...recovered } = await storage.open({ clusterId: CLUSTER, nodeId: 'n1' })
  const blocks: EncodedBlock[] = []
  const first = headers[0]?.first ?? 1
  for (let next = first; next <= LAST_INDEX; ) {
    const read = await storage.read(next, 2 ** 20)
    blocks.push(...read)
    next = (read.at(-1) as EncodedBlock).first + (read.at(-1) as EncodedBlock).count
  }
  const snapshots: [string, Buffer][] = []
  for (const id of await storage.snapshots.list()) snapshots.push([id, await collect(storage.snapshots.read(id, 0))])
  await storage.close()
  return { report, boot: { number: boot.number, earlier: boot.earlier }, recovered, headers, blocks, snapshots }
}

/** The bytes that this revision writes for the content of a file. Those of RocksDB are its own. */
function rewriteFile(name: string, bytes: Buffer): Buffer {
  if (name.startsWith('segments/')) return rewriteSegment(bytes)
  if (!/^(IDENTITY|BOOTS|hard-state-.)$/.test(name)) return bytes
  const decoded = decodeChecksummedJson(bytes)
  assert.ok('value' in decoded, `${name} is damaged`)
  return encodeChecksummedJson(decoded.value, name.startsWith('hard-state') ? bytes.length : 0)
}

function rewriteSegment(bytes: Buffer): Buffer {
  const header = parseSegmentHeader(bytes)
  assert.ok('salt' in header, 'the header of the segment is damaged')
  const { salt } = header
  const parts: Uint8Array[] = [encodeSegmentHeader(header)]
  let at = SEGMENT_HEADER_BYTES
  for (let length = claimedLength(bytes.subarray(at), salt); length !== undefined; ) {
    const whole = bytes.subarray(at, at + length)
    const frame = parseFrame(whole)
    assert.ok('blocks' in frame, 'a frame is damaged')
    const stored = frame.blocks.map(({ at: start, size }) => ({ size, bytes: whole.subarray(start, start + size) }))
    parts.push(...encodeFrame(frame, stored, { salt, checksumBefore: frame.checksumBefore }).parts)
    at += length
    length = claimedLength(bytes.subarray(at), salt)
  }
  assert.ok(parts.length > 2, 'the segment has no frames')
  return Buffer.concat([...parts, bytes.subarray(at)])
}

function dataDirectory(engine: Engine): FrozenFormat {
  return {
    name: `data-directory-${engine}`,
    samples: () =>
      inTemporary(async (directory) => {
        await writeSample(engine, directory)
        return [{ name: `data directory with ${engine}`, bytes: await pack(directory) }]
      }),
    read: (bytes) =>
      inTemporary(async (directory) => {
        await unpack(bytes, directory)
        return readDirectory(engine, directory)
      }),
    rewrite: (bytes) => {
      const files = Object.entries<string>(JSON.parse(bytes.toString()))
      const rewritten = files.map(([name, content]) => [
        name,
        rewriteFile(name, Buffer.from(content, 'base64')).toString('base64'),
      ])
      return Buffer.from(JSON.stringify(Object.fromEntries(rewritten)))
    },
  }
}

/** The state that a machine restores from a snapshot. */
async function stateOf(bytes: Buffer): Promise<object> {
  const { machine, kv } = newMachine()
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield bytes
  }
  await machine.restore(chunks())
  const rewritten = await collect(chunksOf(machine.snapshot()))
  assert.ok(rewritten.equals(bytes), 'the state that was restored has another snapshot')
  const { time, sessions, limits } = machine.table
  const entries = kv.query({ type: 'list', prefix: '', limit: 100, after: undefined })
  return { entries, digest: machine.digest?.(), time, limits, sessions: [...sessions] }
}

async function* chunksOf(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* chunks
}

const BACKUP = 'backup'

async function readSnapshotFile(
  bytes: Buffer,
  name: string,
): Promise<{ clusterId?: string; info: SnapshotInfo; data: Buffer }> {
  return inTemporary(async (directory) => {
    const path = join(directory, `${fileNameOf('sample')}.snap`)
    await writeFile(path, bytes)
    const { clusterId, info } = await readBackup(path)
    if (name === BACKUP) return { clusterId, info, data: await collect(readBackupChunks(path)) }
    const files = new SnapshotFiles(directory, () => undefined)
    return { info, data: await collect(files.read('sample', 0)) }
  })
}

async function writeSnapshotFile(info: SnapshotInfo, data: Buffer): Promise<Buffer> {
  return inTemporary(async (directory) => {
    const files = new SnapshotFiles(directory, () => undefined)
    const writer = await files.create(info)
    await writer.write(data)
    await writer.finish()
    return readFile(join(directory, `${fileNameOf(info.id)}.snap`))
  })
}

function writeBackup(clusterId: string, info: SnapshotInfo, data: Buffer): Promise<Buffer> {
  return collect(encodeBackup({ clusterId, info }, chunksOf([data])))
}

export const snapshotFiles: FrozenFormat = {
  name: 'snapshot-files',
  samples: async () => {
    const before = await snapshotAfter(SAMPLE_BLOCKS.slice(0, 3))
    const after = await snapshotAfter(SAMPLE_BLOCKS)
    return [
      { name: 'snapshot without sessions', bytes: await writeSnapshotFile(before.info, before.bytes) },
      { name: 'snapshot with sessions', bytes: await writeSnapshotFile(after.info, after.bytes) },
      { name: BACKUP, bytes: await writeBackup(CLUSTER, after.info, after.bytes) },
    ]
  },
  read: async (bytes, name) => {
    const { data, ...header } = await readSnapshotFile(bytes, name)
    return { ...header, state: await stateOf(data) }
  },
  rewrite: async (bytes, name) => {
    const { clusterId, info, data } = await readSnapshotFile(bytes, name)
    return clusterId === undefined ? writeSnapshotFile(info, data) : writeBackup(clusterId, info, data)
  },
}

export const dataDirectories: readonly FrozenFormat[] = [dataDirectory('segments'), dataDirectory('rocksdb')]

/** The fixture of the storage contract, sample data, and assertions shared by its checks. */
import assert from 'node:assert/strict'
import type { EncodedBlock } from '../../../contracts/encoded-block.ts'
import type { RecoveredState, Storage, StorageIdentity, StorageWrite } from '../../../contracts/storage.ts'
import type { HardState, Membership, SnapshotInfo } from '../../../core/types.ts'
import type { RaftError } from '../../../errors.ts'
import { isRaftError } from '../../../errors.ts'
import { encodeCommands } from '../../../log-format/block.ts'

/** A place for the data of one storage, for example a directory. It is empty at first. Optional methods are capabilities. */
export interface StorageFixture {
  /** Creates a storage over the existing data. It is not open yet. */
  createStorage(): Storage
  /** Simulates a power failure: the open storage and everything that is not durable are lost. */
  crash?(): Promise<void>
  /**
   * Makes a call on the open storage and simulates a power failure within it, at the crash point with this number, counted from 0. Every
   * change of the data on disk is a crash point. Returns false if the call ended first because it has fewer crash points.
   */
  crashWithin?(call: () => Promise<unknown>, crashPoint: number): Promise<boolean>
  /**
   * From now on syncs report success but have no effect, so the next crash loses the data: of everything if `part` is 0, of one file or
   * kind of key if it is 1, 2 and so on. Returns false if there is no such part.
   */
  loseSyncs?(part: number): Promise<boolean>
  /** Makes the next write of the open storage fail. Later writes may fail too. */
  failWrites?(): Promise<void>
  /** Fills the disk, for the log and for snapshots. The returned function frees it. */
  fillDisk?(): Promise<() => void>
  /** Lists the damage that can be done while no storage is open, for example one flipped bit per file. Only one is applied. */
  damages?(): Promise<readonly Damage[]>
  /** Closes the open storage and removes all data. */
  destroy(): Promise<void>
}

/** One kind of damage to stored data. */
export interface Damage {
  /** The file or key, and what happens to it. */
  readonly description: string
  readonly apply: () => Promise<void>
}

/** Defines a check. It gets a fresh fixture, and `another` creates further ones. Group name and title form a sentence. */
export type StorageTest = (
  name: string,
  body: (fixture: StorageFixture, another: () => Promise<StorageFixture>) => Promise<void>,
) => unknown

export const IDENTITY: StorageIdentity = { clusterId: 'cluster-1', nodeId: 'a' }

export const MEMBERSHIP: Membership = {
  members: [{ id: 'a', address: '127.0.0.1:1', directoryId: '', addedAt: 0, promote: false }],
  voters: ['a'],
  outgoing: [],
  learners: [],
}

/** The content of a snapshot file: larger than several chunks of any storage, and different at every offset. */
export const CONTENT: Buffer = Buffer.from(
  Uint32Array.from({ length: 250_000 }, (_, at) => Math.imul(at, 2654435761)).buffer,
)

export async function openStorage(fixture: StorageFixture): Promise<{ storage: Storage; recovered: RecoveredState }> {
  const storage = fixture.createStorage()
  return { storage, recovered: await storage.open(IDENTITY) }
}

export async function reopenStorage(
  fixture: StorageFixture,
  storage: Storage,
): Promise<{ storage: Storage; recovered: RecoveredState }> {
  await storage.close()
  return openStorage(fixture)
}

export function writeOf(write: Partial<StorageWrite>): StorageWrite {
  return { blocks: [], isUrgent: true, ...write }
}

export function hardStateInTerm(term: number): HardState {
  return { term, votedFor: undefined, commitIndex: 0 }
}

export function commandBlock(first: number, term: number, count: number): EncodedBlock {
  const payloads = Array.from({ length: count }, (_, at) => new TextEncoder().encode(`${first + at} of ${term}`))
  return encodeCommands(first, term, payloads)
}

export function snapshotInfoAt(index: number, term: number): SnapshotInfo {
  return { id: `snapshot-${index}-${term}`, index, term, chain: 9, membership: MEMBERSHIP, size: 0, checksum: index }
}

/** Writes CONTENT to a snapshot file. Returns the info with its size. */
export async function saveSnapshot(storage: Storage, info: SnapshotInfo): Promise<SnapshotInfo> {
  const writer = await storage.snapshots.create(info)
  for (let at = 0; at < CONTENT.length; at += 100_000) await writer.write(CONTENT.subarray(at, at + 100_000))
  return { ...info, size: await writer.finish() }
}

export async function readSnapshot(storage: Storage, id: string, offset: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of storage.snapshots.read(id, offset)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** Asserts that the snapshot with this id has the bytes of CONTENT from `offset` on. */
export async function assertSnapshotContent(storage: Storage, id: string, offset = 0): Promise<void> {
  const read = await readSnapshot(storage, id, offset)
  const expected = CONTENT.subarray(offset)
  assert.equal(
    read.length,
    expected.length,
    `read from ${offset}, the file has ${read.length} bytes, not ${expected.length}`,
  )
  if (read.equals(expected)) return
  const at = read.findIndex((byte, at) => byte !== expected[at])
  assert.fail(`read from ${offset}, the file has a different byte at ${offset + at}`)
}

export async function drain(iterator: AsyncIterator<Uint8Array>): Promise<void> {
  while (!(await iterator.next()).done);
}

export async function assertRejects(promise: Promise<unknown>, code?: string): Promise<RaftError> {
  const error = await promise.then(
    () => assert.fail(`resolved, but should have rejected${code === undefined ? '' : ` with ${code}`}`),
    (error: unknown) => error,
  )
  assertRaftError(error)
  if (code !== undefined) assert.equal(error.code, code, `${code} expected, not ${error.code}: ${error.message}`)
  return error
}

export function assertRaftError(error: unknown): asserts error is RaftError {
  assert.ok(isRaftError(error), `not a RaftError: ${String(error)}`)
}

export function withoutBytes({ bytes: _, ...head }: EncodedBlock): Omit<EncodedBlock, 'bytes'> {
  return head
}

export function comparableBlocks(blocks: readonly EncodedBlock[]): unknown {
  return defined(
    blocks.map((block) => ({ ...withoutBytes(block), bytes: Buffer.from(block.bytes).toString('base64') })),
  )
}

/** The value without its fields that are undefined: a storage may leave them out, as JSON does. */
export function defined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(defined)
  if (typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value).filter(([, field]) => field !== undefined)
  return Object.fromEntries(fields.map(([name, field]) => [name, defined(field)]))
}

export function firstIndexes(blocks: readonly EncodedBlock[]): number[] {
  return blocks.map(({ first }) => first)
}

export function firstIndexesAndTerms(blocks: readonly EncodedBlock[]): string[] {
  return blocks.map(({ first, term }) => `${first}@${term}`)
}

/** What the storage contract tries every storage with, and how it looks at the answers. */
import assert from 'node:assert/strict'
import type { EncodedBlock } from '../../../contracts/encoded-block.ts'
import type { RecoveredState, Storage, StorageIdentity, StorageWrite } from '../../../contracts/storage.ts'
import type { HardState, Membership, SnapshotInfo } from '../../../core/types.ts'
import type { RaftError } from '../../../errors.ts'
import { isRaftError } from '../../../errors.ts'
import { encodeCommands } from '../../../log-format/block.ts'

/** One place to store in, empty at first. */
export interface StorageFixture {
  /** A new storage, not yet open, over what the last one left. */
  createStorage(): Storage
  /** A power cut: the open storage is gone, and with it what was not durable. */
  crash?(): Promise<void>
  /**
   * Makes a call on the open storage and cuts the power within it, at its first moment, or its second, … (`moment` counts from 0): a
   * moment is whenever the disk holds something else than before. False if the call came to an end before that: it has fewer moments.
   */
  crashWithin?(call: () => Promise<unknown>, moment: number): Promise<boolean>
  /**
   * From now on syncs succeed and do nothing, and the next crash takes what they should have kept: those of everything if `part` is 0,
   * those of one file or kind of key alone if it is 1, 2, … False if there is no such part.
   */
  loseSyncs?(part: number): Promise<boolean>
  /** Makes the next write of the open storage fail, and perhaps later ones. */
  failWrites?(): Promise<void>
  /** No room is left, for the log or for snapshots, until what this answers is called. */
  fillDisk?(): Promise<() => void>
  /** All the damage that can be done while no storage is open, say a flipped bit for each file; one of it is done. */
  damages?(): Promise<readonly Damage[]>
  /** Closes what is open and removes everything. */
  destroy(): Promise<void>
}

export interface Damage {
  /** Which file or key, and what is done to it. */
  readonly description: string
  readonly apply: () => Promise<void>
}

/** One test, in a place of its own, and in others if it asks for them. Its name is a sentence that begins with its group's. */
export type StorageTest = (
  name: string,
  body: (place: StorageFixture, another: () => Promise<StorageFixture>) => Promise<void>,
) => unknown

export const IDENTITY: StorageIdentity = { clusterId: 'cluster-1', nodeId: 'a' }

export const MEMBERSHIP: Membership = {
  members: [{ id: 'a', address: '127.0.0.1:1', directoryId: '', addedAt: 0, promote: false }],
  voters: ['a'],
  outgoing: [],
  learners: [],
}

/** More than a chunk or two of any storage, and no two places alike. */
export const CONTENT: Buffer = Buffer.from(
  Uint32Array.from({ length: 250_000 }, (_, at) => Math.imul(at, 2654435761)).buffer,
)

export async function openStorage(place: StorageFixture): Promise<{ storage: Storage; recovered: RecoveredState }> {
  const storage = place.createStorage()
  return { storage, recovered: await storage.open(IDENTITY) }
}

export async function reopenStorage(
  place: StorageFixture,
  storage: Storage,
): Promise<{ storage: Storage; recovered: RecoveredState }> {
  await storage.close()
  return openStorage(place)
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
  return { id: `snapshot-${index}-${term}`, index, term, membership: MEMBERSHIP, size: 0 }
}

/** Writes a whole snapshot file of CONTENT; the info with its size. */
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

/** The file with this id has exactly the bytes of CONTENT from `offset` on. */
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
  assert.fail(`read from ${offset}, the file has another byte at ${offset + at}`)
}

export async function drain(iterator: AsyncIterator<Uint8Array>): Promise<void> {
  while (!(await iterator.next()).done);
}

export async function assertRejects(promise: Promise<unknown>, code?: string): Promise<RaftError> {
  const error = await promise.then(
    () => assert.fail(`resolved, and should have been rejected${code === undefined ? '' : ` with ${code}`}`),
    (error: unknown) => error,
  )
  assertRaftError(error)
  if (code !== undefined) assert.equal(error.code, code, error.message)
  return error
}

export function assertRaftError(error: unknown): asserts error is RaftError {
  assert.ok(isRaftError(error), `not a RaftError: ${String(error)}`)
}

export function withoutBytes({ bytes: _, ...head }: EncodedBlock): Omit<EncodedBlock, 'bytes'> {
  return head
}

export function comparableBlocks(blocks: readonly EncodedBlock[]): object[] {
  return blocks.map((block) => ({ ...withoutBytes(block), bytes: Buffer.from(block.bytes).toString('base64') }))
}

export function firstIndexes(blocks: readonly EncodedBlock[]): number[] {
  return blocks.map(({ first }) => first)
}

export function firstIndexesAndTerms(blocks: readonly EncodedBlock[]): string[] {
  return blocks.map(({ first, term }) => `${first}@${term}`)
}

/** Writes a history of elections, conflicts, a snapshot and a compaction to a storage, and verifies what was acknowledged. */
import assert from 'node:assert/strict'
import type { EncodedBlock } from '../../src/contracts/encoded-block.ts'
import type { RecoveredState, Storage, StorageWrite } from '../../src/contracts/storage.ts'
import type { HardState, SnapshotInfo } from '../../src/core/types.ts'
import { encodeCommands, encodeNoop } from '../../src/log-format/block.ts'

export const CONTENT: Buffer = Buffer.alloc(600_000, 'the state of the machine, ')

/** The acknowledged state. */
export interface Acknowledged {
  hardState: HardState
  blocks: EncodedBlock[]
  snapshot: SnapshotInfo | undefined
}

const MEMBERSHIP = { members: [], voters: [], outgoing: [], learners: [] }

/** Writes one more round of history, after the earlier ones; every write is acknowledged. */
export async function writeHistory(storage: Storage, acknowledged: Acknowledged): Promise<void> {
  const write = async (change: Partial<StorageWrite>) => {
    await storage.write({ blocks: [], isUrgent: true, ...change })
    acknowledge(acknowledged, change)
  }
  const last = () => {
    const block = acknowledged.blocks.at(-1)
    return block === undefined ? (acknowledged.snapshot?.index ?? 0) : block.first + block.count - 1
  }
  for (let election = 0; election < 4; election++) {
    const term = acknowledged.hardState.term + 2
    const truncateAfter = last() - acknowledged.hardState.commitIndex > 6 ? last() - 3 : undefined
    await write({ hardState: { ...acknowledged.hardState, term: term - 1, votedFor: 'b' } })
    await write({ hardState: { ...acknowledged.hardState, term, votedFor: 'a' } })
    if (truncateAfter !== undefined) {
      const block = encodeNoop(truncateAfter + 1, term)
      const cut = acknowledged.blocks.find(
        ({ first, count }) => first <= truncateAfter && first + count > truncateAfter + 1,
      )
      if (cut === undefined) await write({ truncateAfter, blocks: [block] })
    }
    for (let batch = 0; batch < 8; batch++) {
      const commitIndex = last()
      await write({
        blocks: [block(last() + 1, term, 1 + (batch % 3))],
        hardState: { ...acknowledged.hardState, commitIndex },
      })
    }
    for (let batch = 0; batch < 8; batch++) await write({ blocks: [block(last() + 1, term, 1)] })
  }
  const info = {
    id: `s-${last()}`,
    index: last() - 2,
    term: acknowledged.hardState.term,
    chain: 9,
    membership: MEMBERSHIP,
    size: 0,
  }
  const writer = await storage.snapshots.create(info)
  await writer.write(CONTENT)
  await write({
    snapshot: { info: { ...info, size: await writer.finish() }, resetLog: false },
    hardState: { ...acknowledged.hardState, commitIndex: last() },
  })
  await write({ compactTo: last() - 20, isUrgent: false })
  await storage.snapshots.retain([info.id])
  for (let batch = 0; batch < 8; batch++) await write({ blocks: [block(last() + 1, acknowledged.hardState.term, 5)] })
}

/** Checks that the storage holds exactly the acknowledged state, byte by byte. */
export async function verify(storage: Storage, recovered: RecoveredState, acknowledged: Acknowledged): Promise<void> {
  const { term, votedFor } = acknowledged.hardState
  assert.deepEqual({ term: recovered.hardState.term, votedFor: recovered.hardState.votedFor }, { term, votedFor })
  assert.deepEqual(
    recovered.blocks.map(({ first, term, count }) => ({ first, term, count })),
    acknowledged.blocks.map(({ first, term, count }) => ({ first, term, count })),
  )
  assert.deepEqual(recovered.snapshot, acknowledged.snapshot)
  const first = acknowledged.blocks[0]?.first
  const read = first === undefined ? [] : await storage.read(first, Number.MAX_SAFE_INTEGER)
  assert.equal(read.length, acknowledged.blocks.length)
  read.forEach((block, at) => {
    assert.ok(Buffer.from(block.bytes).equals(acknowledged.blocks[at]?.bytes as Buffer), `block ${block.first}`)
  })
  const chunks: Uint8Array[] = []
  if (acknowledged.snapshot !== undefined)
    for await (const chunk of storage.snapshots.read(acknowledged.snapshot.id, 0)) chunks.push(chunk)
  assert.ok(acknowledged.snapshot === undefined || Buffer.concat(chunks).equals(CONTENT), 'the snapshot')
}

export function emptyHistory(): Acknowledged {
  return { hardState: { term: 0, votedFor: undefined, commitIndex: 0 }, blocks: [], snapshot: undefined }
}

function acknowledge(
  acknowledged: Acknowledged,
  { truncateAfter, blocks, hardState, snapshot, compactTo }: Partial<StorageWrite>,
): void {
  if (truncateAfter !== undefined)
    acknowledged.blocks = acknowledged.blocks.filter(({ first }) => first <= truncateAfter)
  acknowledged.blocks.push(...(blocks ?? []))
  acknowledged.hardState = hardState ?? acknowledged.hardState
  acknowledged.snapshot = snapshot?.info ?? acknowledged.snapshot
  if (compactTo !== undefined)
    acknowledged.blocks = acknowledged.blocks.filter(({ first, count }) => first + count - 1 > compactTo)
}

function block(first: number, term: number, count: number): EncodedBlock {
  const payloads = Array.from({ length: count }, (_, at) =>
    Buffer.alloc(300 + 37 * ((first + at) % 11), `${first + at}.`),
  )
  return encodeCommands(first, term, payloads)
}

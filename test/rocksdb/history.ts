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
export async function writeHistory(storage: Storage, known: Acknowledged): Promise<void> {
  const write = async (change: Partial<StorageWrite>) => {
    await storage.write({ blocks: [], isUrgent: true, ...change })
    acknowledge(known, change)
  }
  const last = () => {
    const block = known.blocks.at(-1)
    return block === undefined ? (known.snapshot?.index ?? 0) : block.first + block.count - 1
  }
  for (let election = 0; election < 4; election++) {
    const term = known.hardState.term + 2
    const truncateAfter = last() - known.hardState.commitIndex > 6 ? last() - 3 : undefined
    await write({ hardState: { ...known.hardState, term: term - 1, votedFor: 'b' } })
    await write({ hardState: { ...known.hardState, term, votedFor: 'a' } })
    if (truncateAfter !== undefined) {
      const block = encodeNoop(truncateAfter + 1, term)
      const cut = known.blocks.find(({ first, count }) => first <= truncateAfter && first + count > truncateAfter + 1)
      if (cut === undefined) await write({ truncateAfter, blocks: [block] })
    }
    for (let batch = 0; batch < 8; batch++) {
      const commitIndex = last()
      await write({
        blocks: [block(last() + 1, term, 1 + (batch % 3))],
        hardState: { ...known.hardState, commitIndex },
      })
    }
    for (let batch = 0; batch < 8; batch++) await write({ blocks: [block(last() + 1, term, 1)] })
  }
  const info = { id: `s-${last()}`, index: last() - 2, term: known.hardState.term, membership: MEMBERSHIP, size: 0 }
  const writer = await storage.snapshots.create(info)
  await writer.write(CONTENT)
  await write({
    snapshot: { info: { ...info, size: await writer.finish() }, resetLog: false },
    hardState: { ...known.hardState, commitIndex: last() },
  })
  await write({ compactTo: last() - 20, isUrgent: false })
  await storage.snapshots.retain([info.id])
  for (let batch = 0; batch < 8; batch++) await write({ blocks: [block(last() + 1, known.hardState.term, 5)] })
}

/** Checks that the storage holds exactly the acknowledged state, byte by byte. */
export async function verify(storage: Storage, recovered: RecoveredState, known: Acknowledged): Promise<void> {
  const { term, votedFor } = known.hardState
  assert.deepEqual({ term: recovered.hardState.term, votedFor: recovered.hardState.votedFor }, { term, votedFor })
  assert.deepEqual(
    recovered.blocks.map(({ first, term, count }) => ({ first, term, count })),
    known.blocks.map(({ first, term, count }) => ({ first, term, count })),
  )
  assert.deepEqual(recovered.snapshot, known.snapshot)
  const first = known.blocks[0]?.first
  const read = first === undefined ? [] : await storage.read(first, Number.MAX_SAFE_INTEGER)
  assert.equal(read.length, known.blocks.length)
  read.forEach((block, at) => {
    assert.ok(Buffer.from(block.bytes).equals(known.blocks[at]?.bytes as Buffer), `block ${block.first}`)
  })
  const chunks: Uint8Array[] = []
  if (known.snapshot !== undefined)
    for await (const chunk of storage.snapshots.read(known.snapshot.id, 0)) chunks.push(chunk)
  assert.ok(known.snapshot === undefined || Buffer.concat(chunks).equals(CONTENT), 'the snapshot')
}

export function emptyHistory(): Acknowledged {
  return { hardState: { term: 0, votedFor: undefined, commitIndex: 0 }, blocks: [], snapshot: undefined }
}

function acknowledge(
  known: Acknowledged,
  { truncateAfter, blocks, hardState, snapshot, compactTo }: Partial<StorageWrite>,
): void {
  if (truncateAfter !== undefined) known.blocks = known.blocks.filter(({ first }) => first <= truncateAfter)
  known.blocks.push(...(blocks ?? []))
  known.hardState = hardState ?? known.hardState
  known.snapshot = snapshot?.info ?? known.snapshot
  if (compactTo !== undefined) known.blocks = known.blocks.filter(({ first, count }) => first + count - 1 > compactTo)
}

function block(first: number, term: number, count: number): EncodedBlock {
  const payloads = Array.from({ length: count }, (_, at) =>
    Buffer.alloc(300 + 37 * ((first + at) % 11), `${first + at}.`),
  )
  return encodeCommands(first, term, payloads)
}

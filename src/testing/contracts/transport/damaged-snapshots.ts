/** Checks with a changed bit in the bytes of a snapshot: it is fetched as a node does it, with the checksum of its metadata. */
import assert from 'node:assert/strict'
import type { RuntimeEvent } from '../../../contracts/observer.ts'
import type { SnapshotInfo } from '../../../core/types.ts'
import { MemoryStorage } from '../../../memory/memory-storage.ts'
import { crc32 } from '../../../platform/checksums.ts'
import { realClock } from '../../../runtime/real-clock.ts'
import { SnapshotFetcher } from '../../../runtime/snapshots/snapshot-fetcher.ts'
import { requireCorrupt } from './capabilities.ts'
import type { StartedNode, TransportTest } from './test-network.ts'
import { collect, MIB, splitIntoChunks } from './test-network.ts'

const FILE = new Uint8Array(3 * MIB + 17).map((_, offset) => (offset ^ (offset >> 9)) & 255)
const RETRY_MAX_MS = 100
const MEMBERSHIP = { members: [], voters: [], outgoing: [], learners: [] }
const SNAPSHOT: SnapshotInfo = {
  ...{ id: 's1', index: 7, term: 2, chain: 9, membership: MEMBERSHIP },
  size: FILE.length,
  checksum: crc32(FILE),
}

export function damagedSnapshots(on: TransportTest): void {
  on(
    'never change a fetched snapshot: the fetch rejects, or its bytes are found to be damaged, and the next one succeeds',
    async (network) => {
      const corrupt = requireCorrupt(network.fixture)
      const [a, b] = await network.connectedPair()
      b.host.snapshot = (_, offset) => splitIntoChunks(FILE.subarray(offset), 100_000)
      await corrupt('b', 'a')
      const storage = new MemoryStorage()
      await storage.open({ clusterId: 'test cluster', nodeId: 'a' })
      const { outcome, id, failures } = await fetched(a, storage, Math.max(3, network.timeoutMs / RETRY_MAX_MS))
      for (const { code, message } of failures)
        assert.notEqual(
          code,
          'ERR_RAFT_INTERNAL',
          `fetchSnapshot() rejected with an error that is no RaftError: ${message}`,
        )
      assert.equal(outcome, 'fetched', `after ${failures.length} attempts: ${failures.at(-1)?.message}`)
      assert.ok((await collect(storage.snapshots.read(id, 0))).equals(FILE), 'the stored bytes differ from those sent')
    },
  )
}

interface FetchResult {
  readonly outcome: string
  /** That of the stored snapshot; empty if there is none. */
  readonly id: string
  readonly failures: readonly Extract<RuntimeEvent, { type: 'fetchFailed' }>[]
}

/** Fetches the snapshot from node b, with retries. */
async function fetched({ transport }: StartedNode, storage: MemoryStorage, attemptsMax: number): Promise<FetchResult> {
  const failures: Extract<RuntimeEvent, { type: 'fetchFailed' }>[] = []
  const result = await new Promise<Omit<FetchResult, 'failures'>>((resolve) => {
    new SnapshotFetcher({
      ...{ transport, storage, clock: realClock(), freeBytesMin: 0, freeBytesCheckMs: 100 },
      ...{ retryMinMs: 10, retryMaxMs: RETRY_MAX_MS, attemptsMax },
      alarms: { raise: () => undefined, clear: () => undefined },
      onFetched: ({ id }) => resolve({ outcome: 'fetched', id }),
      onFailed: (_, reason) => resolve({ outcome: reason, id: '' }),
      onStalled: () => undefined,
      onCounted: () => undefined,
      emit: (event) => event.type === 'fetchFailed' && failures.push(event),
    }).fetch({ from: 'b', leader: 'b', snapshot: SNAPSHOT })
  })
  return { ...result, failures }
}

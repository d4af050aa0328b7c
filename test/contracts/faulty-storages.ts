/** Storages with one defect each. */
import type { Storage } from '../../src/contracts/storage.ts'
import { RaftError } from '../../src/errors.ts'
import { FAULTY_DURABILITY } from './faulty-durability.ts'
import { FAULTY_IDENTITIES, FAULTY_LIFECYCLES } from './faulty-lifecycles.ts'
import { FAULTY_SNAPSHOT_STORES } from './faulty-snapshot-stores.ts'
import type { FaultyStorage } from './faulty-storage.ts'
import { faulty } from './faulty-storage.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const FAULTY_LOGS: readonly FaultyStorage[] = [
  faulty(
    'reports an empty directory as an existing one',
    'an empty storage is new, with term 0, no vote, no blocks and no snapshot',
    (correct) => ({
      open: async (identity) => ({ ...(await correct.open(identity)), isNew: false }),
    }),
  ),
  faulty(
    'generates a new directory id at every open',
    'an empty storage stays new and keeps its directory id if it is opened and nothing is written',
    (correct) => ({
      open: async (identity) => ({ ...(await correct.open(identity)), directoryId: String(Math.random()) }),
    }),
  ),
  faulty(
    'returns an empty list instead of an error for a missing block',
    'an empty storage has no block to read',
    (correct) => ({
      read: (from, bytesMax) => correct.read(from, bytesMax).catch(() => []),
    }),
  ),
  faulty('flips a bit', 'the log returns the blocks that were written, byte for byte', (correct) => ({
    read: async (from, bytesMax) =>
      (await correct.read(from, bytesMax)).map((block) => {
        const bytes = Uint8Array.from(block.bytes)
        bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1
        return { ...block, bytes }
      }),
  })),
  faulty(
    'loses the last block at a restart',
    'the log returns the blocks that were written, byte for byte',
    (correct) => ({
      open: async (identity) => {
        const recovered = await correct.open(identity)
        return { ...recovered, blocks: recovered.blocks.slice(0, -1) }
      },
    }),
  ),
  faulty('returns half a block', 'the log returns the blocks that were written, byte for byte', (correct) => ({
    read: async (from, bytesMax) =>
      (await correct.read(from, bytesMax)).map((block) => ({
        ...block,
        bytes: block.bytes.subarray(0, block.size / 2),
      })),
  })),
  faulty(
    'ignores the byte limit of a read',
    'the log returns whole blocks up to a byte limit, and at least one',
    (correct) => ({
      read: (from) => correct.read(from, Number.POSITIVE_INFINITY),
    }),
  ),
  faulty(
    'returns nothing if the first block exceeds the byte limit',
    'the log returns whole blocks up to a byte limit, and at least one',
    (correct) => ({
      read: async (from, bytesMax) => (await correct.read(from, bytesMax)).filter(({ size }) => size <= bytesMax),
    }),
  ),
  faulty('rejects commands above 1 MiB', 'the log stores large and empty commands', (correct) => ({
    write: async (write) => {
      if (write.blocks.some(({ size }) => size > 1024 * 1024)) throw new RaftError('ERR_RAFT_STORAGE', 'too large')
      await correct.write(write)
    },
  })),
  faulty('truncates without the append', 'the log replaces a conflicting suffix in one write', (correct) => ({
    write: (write) => correct.write(write.truncateAfter === undefined ? write : { ...write, blocks: [] }),
  })),
  faulty('ignores a truncation after 0', 'the log can be truncated to nothing without an append', (correct) => ({
    write: (write) => correct.write({ ...write, truncateAfter: write.truncateAfter || undefined }),
  })),
  faulty(
    'acknowledges a rejected write',
    'the log rejects a block that would leave a gap, and writes nothing',
    (correct) => ({
      write: (write) => correct.write(write).catch(() => undefined),
    }),
  ),
  faulty('truncates and appends in separate steps', 'the log can be read during a write', (correct) => ({
    write: async (write) => {
      if (write.truncateAfter !== undefined) await correct.write({ ...write, blocks: [] })
      await turn()
      await correct.write({ ...write, truncateAfter: undefined })
    },
  })),
  faulty('returns cached blocks', 'the log can be read during a write', (correct) => {
    const known = new Map<number, ReturnType<Storage['read']>>()
    return {
      read: (from, bytesMax) => {
        const blocks = known.get(from) ?? correct.read(from, bytesMax)
        known.set(from, blocks)
        return blocks
      },
    }
  }),
]

const FAULTY_NUMBERS: readonly FaultyStorage[] = [
  faulty(
    'acknowledges a write with a decreasing term',
    'the log rejects a decreasing term, and writes nothing',
    (correct) => ({
      write: (write) => correct.write(write).catch(() => undefined),
    }),
  ),
  faulty(
    'truncates indexes to 32 bits',
    'the log stores indexes and terms up to the largest safe integers',
    (correct) => ({
      read: (from, bytesMax) => correct.read(from >>> 0, bytesMax),
    }),
  ),
]

const FAULTY_HARD_STATES: readonly FaultyStorage[] = [
  faulty('ignores the hard state', 'the hard state survives a restart', (correct) => ({
    write: (write) => correct.write({ ...write, hardState: undefined }),
  })),
  faulty('keeps an old vote in a new term', 'the hard state survives a restart', (correct, disk) => ({
    write: ({ hardState, ...write }) => {
      const votedFor = hardState?.votedFor ?? disk.view.hardState.votedFor
      return correct.write({ ...write, hardState: hardState === undefined ? undefined : { ...hardState, votedFor } })
    },
  })),
  faulty(
    'closes without a sync',
    'the hard state includes a commit index of a non-urgent write after a close',
    (_, disk) => ({
      close: async () => disk.crash(),
    }),
  ),
]

const FAULTY_COMPACTIONS: readonly FaultyStorage[] = [
  faulty(
    'rejects reads during a compaction',
    'compaction allows concurrent reads: a kept block is returned, a removed one is returned whole or rejected',
    (correct) => {
      let isCompacting = false
      return {
        write: async (write) => {
          isCompacting = write.compactTo !== undefined
          await turn()
          await correct.write(write)
          isCompacting = false
        },
        read: async (from, bytesMax) => {
          if (isCompacting) throw new RaftError('ERR_RAFT_STORAGE', 'busy')
          return correct.read(from, bytesMax)
        },
      }
    },
  ),
  faulty(
    'silently limits a compaction to the snapshot',
    'compaction beyond the snapshot is rejected, and changes nothing',
    (correct, disk) => ({
      write: (write) =>
        correct.write({ ...write, compactTo: Math.min(write.compactTo ?? 0, disk.view.snapshot?.index ?? 0) }),
    }),
  ),
  faulty(
    'never compacts',
    'compaction removes the blocks that end at or before the index, and keeps the others',
    (correct) => ({
      write: (write) => correct.write({ ...write, compactTo: undefined }),
    }),
  ),
  faulty(
    'removes a block that contains needed entries',
    'compaction keeps a block with entries on both sides of the index',
    (correct) => ({
      open: async (identity) => {
        const recovered = await correct.open(identity)
        return {
          ...recovered,
          blocks: recovered.blocks.filter(({ first }) => first > (recovered.snapshot?.index ?? 0)),
        }
      },
    }),
  ),
  faulty(
    'requires an empty log to begin at 1',
    'compaction allows appends after it has removed every block',
    (correct, disk) => ({
      write: async (write) => {
        if (disk.view.log.blocks.length === 0 && (write.blocks[0]?.first ?? 1) !== 1)
          throw new RaftError('ERR_RAFT_INTERNAL', 'a log begins at 1')
        await correct.write(write)
      },
    }),
  ),
  faulty(
    'keeps the log that a snapshot replaces',
    'a reset leaves the snapshot and no block of the old log',
    (correct) => ({
      write: ({ snapshot, ...write }) =>
        correct.write({ ...write, snapshot: snapshot === undefined ? undefined : { ...snapshot, resetLog: false } }),
    }),
  ),
]

export const FAULTY_STORAGES: readonly FaultyStorage[] = [
  ...FAULTY_LOGS,
  ...FAULTY_NUMBERS,
  ...FAULTY_HARD_STATES,
  ...FAULTY_COMPACTIONS,
  ...FAULTY_SNAPSHOT_STORES,
  ...FAULTY_IDENTITIES,
  ...FAULTY_LIFECYCLES,
  ...FAULTY_DURABILITY,
]

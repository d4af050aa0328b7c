/** Storages that are bad in one way each. */
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
    'takes an empty place for an old one',
    'an empty storage is new, with term 0, no vote, no blocks and no snapshot',
    (good) => ({
      open: async (identity) => ({ ...(await good.open(identity)), isNew: false }),
    }),
  ),
  faulty(
    'makes up a directory id at every open',
    'an empty storage keeps its directory id, and is still new, when it was opened and nothing was written',
    (good) => ({ open: async (identity) => ({ ...(await good.open(identity)), directoryId: String(Math.random()) }) }),
  ),
  faulty('reads nothing where there is nothing', 'an empty storage has no block to read', (good) => ({
    read: (from, bytesMax) => good.read(from, bytesMax).catch(() => []),
  })),
  faulty('flips a bit', 'the log gives back the blocks that were written, byte for byte', (good) => ({
    read: async (from, bytesMax) =>
      (await good.read(from, bytesMax)).map((block) => {
        const bytes = Uint8Array.from(block.bytes)
        bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1
        return { ...block, bytes }
      }),
  })),
  faulty(
    'loses the last block at a restart',
    'the log gives back the blocks that were written, byte for byte',
    (good) => ({
      open: async (identity) => {
        const recovered = await good.open(identity)
        return { ...recovered, blocks: recovered.blocks.slice(0, -1) }
      },
    }),
  ),
  faulty('reads half a block', 'the log gives back the blocks that were written, byte for byte', (good) => ({
    read: async (from, bytesMax) =>
      (await good.read(from, bytesMax)).map((block) => ({ ...block, bytes: block.bytes.subarray(0, block.size / 2) })),
  })),
  faulty(
    'reads everything, however little is asked for',
    'the log reads whole blocks up to a number of bytes, and at least one',
    (good) => ({
      read: (from) => good.read(from, Number.POSITIVE_INFINITY),
    }),
  ),
  faulty(
    'reads nothing if the first block is too large',
    'the log reads whole blocks up to a number of bytes, and at least one',
    (good) => ({
      read: async (from, bytesMax) => (await good.read(from, bytesMax)).filter(({ size }) => size <= bytesMax),
    }),
  ),
  faulty('takes a megabyte at most', 'the log takes large and empty commands', (good) => ({
    write: async (write) => {
      if (write.blocks.some(({ size }) => size > 1024 * 1024)) throw new RaftError('ERR_RAFT_STORAGE', 'too large')
      await good.write(write)
    },
  })),
  faulty(
    'truncates, and forgets what was to be appended',
    'the log replaces a conflicting suffix in one write',
    (good) => ({
      write: (write) => good.write(write.truncateAfter === undefined ? write : { ...write, blocks: [] }),
    }),
  ),
  faulty(
    'takes "truncate after 0" for no truncation',
    'the log truncates without appending, down to nothing',
    (good) => ({
      write: (write) => good.write({ ...write, truncateAfter: write.truncateAfter || undefined }),
    }),
  ),
  faulty(
    'says yes to a write it refused',
    'the log refuses a block that would leave a hole, and writes nothing of it',
    (good) => ({
      write: (write) => good.write(write).catch(() => undefined),
    }),
  ),
  faulty('truncates first and appends later', 'the log is read while it is written', (good) => ({
    write: async (write) => {
      if (write.truncateAfter !== undefined) await good.write({ ...write, blocks: [] })
      await turn()
      await good.write({ ...write, truncateAfter: undefined })
    },
  })),
  faulty('reads what was there when it last looked', 'the log is read while it is written', (good) => {
    const known = new Map<number, ReturnType<Storage['read']>>()
    return {
      read: (from, bytesMax) => {
        const blocks = known.get(from) ?? good.read(from, bytesMax)
        known.set(from, blocks)
        return blocks
      },
    }
  }),
]

const FAULTY_NUMBERS: readonly FaultyStorage[] = [
  faulty('says yes to a term that falls', 'the log refuses a term that falls, and writes nothing of it', (good) => ({
    write: (write) => good.write(write).catch(() => undefined),
  })),
  faulty('counts in 32 bits', 'the log takes indexes and terms up to the largest safe integers', (good) => ({
    read: (from, bytesMax) => good.read(from >>> 0, bytesMax),
  })),
]

const FAULTY_HARD_STATES: readonly FaultyStorage[] = [
  faulty(
    'ignores the hard state',
    'the hard state survives a restart: term, vote, and the commit index as a hint',
    (good) => ({
      write: (write) => good.write({ ...write, hardState: undefined }),
    }),
  ),
  faulty(
    'keeps an old vote in a new term',
    'the hard state survives a restart: term, vote, and the commit index as a hint',
    (good, disk) => ({
      write: ({ hardState, ...write }) => {
        const votedFor = hardState?.votedFor ?? disk.view.hardState.votedFor
        return good.write({ ...write, hardState: hardState === undefined ? undefined : { ...hardState, votedFor } })
      },
    }),
  ),
  faulty(
    'closes without a sync',
    'the hard state keeps a commit index that was not urgent until it is closed',
    (_, disk) => ({
      close: async () => disk.crash(),
    }),
  ),
]

const FAULTY_COMPACTIONS: readonly FaultyStorage[] = [
  faulty(
    'is not to be read while it compacts',
    'compaction and reset lets what is kept be read meanwhile, and what is dropped be read whole or not at all',
    (good) => {
      let isCompacting = false
      return {
        write: async (write) => {
          isCompacting = write.compactTo !== undefined
          await turn()
          await good.write(write)
          isCompacting = false
        },
        read: async (from, bytesMax) => {
          if (isCompacting) throw new RaftError('ERR_RAFT_STORAGE', 'not now')
          return good.read(from, bytesMax)
        },
      }
    },
  ),
  faulty(
    'compacts what it may and says nothing of the rest',
    'compaction and reset refuses to compact what no snapshot covers, and changes nothing',
    (good, disk) => ({
      write: (write) =>
        good.write({ ...write, compactTo: Math.min(write.compactTo ?? 0, disk.view.snapshot?.index ?? 0) }),
    }),
  ),
  faulty(
    'never compacts',
    'compaction and reset drops the blocks that end at or before an index, and keeps the others',
    (good) => ({
      write: (write) => good.write({ ...write, compactTo: undefined }),
    }),
  ),
  faulty(
    'drops a block with entries that are needed',
    'compaction and reset keeps a block that the index cuts in two',
    (good) => ({
      open: async (identity) => {
        const recovered = await good.open(identity)
        return {
          ...recovered,
          blocks: recovered.blocks.filter(({ first }) => first > (recovered.snapshot?.index ?? 0)),
        }
      },
    }),
  ),
  faulty(
    'begins an empty log at 1',
    'compaction and reset goes on after a compaction that left nothing',
    (good, disk) => ({
      write: async (write) => {
        if (disk.view.log.blocks.length === 0 && (write.blocks[0]?.first ?? 1) !== 1)
          throw new RaftError('ERR_RAFT_INTERNAL', 'a log begins at 1')
        await good.write(write)
      },
    }),
  ),
  faulty(
    'keeps the log that a snapshot replaces',
    'compaction and reset resets the log to a snapshot from elsewhere: nothing of the old log is left, before it or after it',
    (good) => ({
      write: ({ snapshot, ...write }) =>
        good.write({ ...write, snapshot: snapshot === undefined ? undefined : { ...snapshot, resetLog: false } }),
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

/** Storages that are bad at crashes, failing disks and damage, in one way each. */
import { RaftError } from '../../src/errors.ts'
import type { StoragePlace } from '../../src/testing/contracts/storage-contract.ts'
import { FaintingDisk } from '../memory/place.ts'
import type { BadStorage } from './lying-storage.ts'
import { bad } from './lying-storage.ts'

const ANY_HISTORY = 'a crash leaves all that was acknowledged, and of the rest a beginning, whatever came before'

const WHEN_FULL =
  'a full disk is named, is the last word even when there is room again, and loses nothing that was acknowledged'

const ANY_DAMAGE = 'damage is an error when the storage opens or reads, and never a hole, an older vote or other bytes'

const BAD_CHECKSUMS: readonly BadStorage[] = [
  bad(
    'opens with an older vote where a newer was damaged',
    ANY_DAMAGE,
    () => ({}),
    (disk) =>
      damagedBy('the vote', () =>
        disk.write({ blocks: [], hardState: { term: 3, votedFor: 'b', commitIndex: 0 }, isUrgent: true }),
      ),
  ),
  bad(
    'opens without the blocks behind a damaged one',
    ANY_DAMAGE,
    () => ({}),
    (disk) => damagedBy('the second block', () => disk.write({ truncateAfter: 6, blocks: [], isUrgent: true })),
  ),
  bad(
    'reads a damaged file as it is',
    ANY_DAMAGE,
    () => ({}),
    (disk) =>
      damagedBy('the file of the snapshot', () => {
        for (const { chunks } of disk.files.values()) chunks[0]?.fill(0, 0, 10)
      }),
  ),
  bad(
    'is never damaged',
    ANY_DAMAGE,
    () => ({}),
    () => damagedBy('nothing', () => undefined),
  ),
]

function damagedBy(what: string, inflict: () => void): Partial<StoragePlace> {
  return { damages: async () => [{ what, inflict: async () => inflict() }] }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const BAD_IN_THE_MIDDLE: readonly BadStorage[] = [
  bad(
    'writes the blocks first, and then their term',
    'a crash within a call leaves of a write all of it, or its term and vote alone, or nothing',
    (good) => ({
      write: async (write) => {
        await good.write({ ...write, hardState: undefined })
        await good.write({ blocks: [], hardState: write.hardState, isUrgent: write.isUrgent })
      },
    }),
  ),
  bad(
    'truncates in a step of its own',
    'a crash within a call leaves of a write all of it, or its term and vote alone, or nothing',
    (good) => ({
      write: async ({ truncateAfter, ...write }) => {
        if (truncateAfter !== undefined) await good.write({ truncateAfter, blocks: [], isUrgent: true })
        await good.write(write)
      },
    }),
  ),
  bad(
    'notes a commit index before the log that it is for',
    'a crash within a call leaves of a write all of it, or its term and vote alone, or nothing',
    (good, disk) => ({
      write: async (write) => {
        const { log, hardState } = disk.view
        const commitIndex = Math.min(write.hardState?.commitIndex ?? 0, log.last.index)
        if (write.hardState !== undefined && commitIndex > hardState.commitIndex)
          await good.write({ blocks: [], hardState: { ...write.hardState, commitIndex }, isUrgent: true })
        await good.write(write)
      },
    }),
  ),
  bad(
    'drops the log before it records what replaces it',
    'a crash within a call leaves the old log or the snapshot that replaces it, and never neither',
    (good) => ({
      write: async (write) => {
        if (write.snapshot?.resetLog === true) await good.write({ truncateAfter: 0, blocks: [], isUrgent: true })
        await good.write(write)
      },
    }),
  ),
  bad(
    'marks whose a new place is before the rest is made',
    'a crash within a call leaves a place that opens, whether it was being opened for the first time or again',
    (good, disk) => ({
      open: async (identity) => {
        const isMaking = disk.identity === undefined
        if (!isMaking && disk.identity?.nodeId === '') throw new RaftError('ERR_RAFT_CORRUPT', 'half made')
        if (isMaking) disk.identity = { ...identity, nodeId: '' }
        await turn()
        if (isMaking) disk.identity = undefined
        return good.open(identity)
      },
    }),
  ),
  bad(
    'writes the whole log anew when it closes',
    'a crash within a call leaves what was written, when it was being closed',
    (good, disk) => ({
      close: async () => {
        const blocks = disk.view.log.blocks.slice()
        if (disk.isOpen && blocks.length > 0) {
          await good.write({ truncateAfter: 0, blocks: [], isUrgent: true })
          await good.write({ blocks, isUrgent: true })
        }
        await good.close()
      },
    }),
  ),
  bad(
    'keeps the blocks on another disk than the terms',
    'a lost sync brings back a beginning of what was written, or is noticed, and never a mixture',
    (good, disk) => ({
      write: async (write) => {
        const isLying = disk instanceof FaintingDisk && disk.isLying
        if (isLying && disk instanceof FaintingDisk) disk.isLying = false
        await good.write({ ...write, hardState: isLying ? undefined : write.hardState })
        if (isLying && disk instanceof FaintingDisk) disk.isLying = true
      },
    }),
  ),
]

const BAD_WHEN_FAILING: readonly BadStorage[] = [
  bad(
    'takes a vote for something that can wait',
    'a failing disk that could not take a vote fails every later call with the same error, for good',
    (good) => ({
      write: (write) =>
        good.write(write).catch((error: unknown) => {
          if (write.blocks.length > 0) throw error
        }),
    }),
  ),
]

const BAD_WHEN_FULL: readonly BadStorage[] = [
  bad('does not know a full disk from a broken one', WHEN_FULL, (good) => ({
    write: (write) =>
      good.write(write).catch((cause: unknown) => {
        throw new RaftError('ERR_RAFT_STORAGE', String(cause), { cause })
      }),
  })),
  bad('takes writes again when there is room', WHEN_FULL, (good, disk) => ({
    write: (write) => (disk.isOpen ? good.write(write).catch(() => disk.write(write)) : good.write(write)),
  })),
  bad(
    'lists what found no room',
    'a full disk refuses a snapshot and lists nothing of it, and the log goes on when there is room again',
    (good, disk) => ({
      snapshots: {
        create: async (info) => {
          disk.files.set(info.id, { info, chunks: [], size: 0 })
          return good.snapshots.create(info)
        },
        read: (id, offset) => good.snapshots.read(id, offset),
        list: () => good.snapshots.list(),
        retain: (ids) => good.snapshots.retain(ids),
      },
    }),
  ),
]

export const BAD_DISKS: readonly BadStorage[] = [
  bad('syncs a vote with the next block', ANY_HISTORY, (good) => ({
    write: (write) => good.write({ ...write, isUrgent: write.isUrgent && write.blocks.length > 0 }),
  })),
  bad('syncs a truncation with the next block', ANY_HISTORY, (good) => ({
    write: (write) => {
      const isLate = write.truncateAfter !== undefined && write.blocks.length === 0
      return good.write({ ...write, isUrgent: write.isUrgent && !isLate })
    },
  })),
  bad('counts a reset as done when the file is', ANY_HISTORY, (good) => ({
    write: (write) => good.write({ ...write, isUrgent: write.isUrgent && write.snapshot?.resetLog !== true }),
  })),
  bad('acknowledges before the sync', 'a crash loses nothing that was urgent', (good) => ({
    write: (write) => good.write({ ...write, isUrgent: false }),
  })),
  bad('syncs no write that carries nothing', 'a crash makes an urgent write carry the ones before it', (good) => ({
    write: async (write) => {
      if (write.blocks.length + Object.keys(write).length > 2) await good.write(write)
    },
  })),
  bad(
    'lives on after a failed write',
    'a failing disk that could not take blocks fails every later call with the same error, for good',
    (good) => ({
      freeBytes: () => good.freeBytes().catch(() => 0),
    }),
  ),
  bad(
    'tries again after a failed write',
    'a failing disk that could not take blocks fails every later call with the same error, for good',
    (good, disk) => ({
      write: (write) =>
        good.write(write).catch((error: unknown) => {
          disk.failWrites(undefined)
          disk.write(write)
          throw error
        }),
      read: async (from, bytesMax) => disk.view.log.blocks.slice(from - 1, from + bytesMax),
    }),
  ),
  ...BAD_IN_THE_MIDDLE,
  ...BAD_WHEN_FAILING,
  ...BAD_WHEN_FULL,
  ...BAD_CHECKSUMS,
]

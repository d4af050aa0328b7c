/** Storages that are bad at crashes, failing disks and damage, in one way each. */
import { RaftError } from '../../src/errors.ts'
import type { StoragePlace } from '../../src/testing/contracts/storage-contract.ts'
import { CrashingDisk } from '../memory/memory-storage-fixture.ts'
import type { FaultyStorage } from './faulty-storage.ts'
import { faulty } from './faulty-storage.ts'

const RANDOM_CRASHES_CHECK =
  'a crash leaves all that was acknowledged, and of the rest a beginning, whatever came before'

const FULL_DISK_CHECK =
  'a full disk is named, is the last word even when there is room again, and loses nothing that was acknowledged'

const DAMAGE_CHECK =
  'damage is an error when the storage opens or reads, and never a hole, an older vote or other bytes'

const FAULTY_CHECKSUMS: readonly FaultyStorage[] = [
  faulty(
    'opens with an older vote where a newer was damaged',
    DAMAGE_CHECK,
    () => ({}),
    (disk) =>
      damagedBy('the vote', () =>
        disk.write({ blocks: [], hardState: { term: 3, votedFor: 'b', commitIndex: 0 }, isUrgent: true }),
      ),
  ),
  faulty(
    'opens without the blocks behind a damaged one',
    DAMAGE_CHECK,
    () => ({}),
    (disk) => damagedBy('the second block', () => disk.write({ truncateAfter: 6, blocks: [], isUrgent: true })),
  ),
  faulty(
    'reads a damaged file as it is',
    DAMAGE_CHECK,
    () => ({}),
    (disk) =>
      damagedBy('the file of the snapshot', () => {
        for (const { chunks } of disk.files.values()) chunks[0]?.fill(0, 0, 10)
      }),
  ),
  faulty(
    'is never damaged',
    DAMAGE_CHECK,
    () => ({}),
    () => damagedBy('nothing', () => undefined),
  ),
]

function damagedBy(what: string, inflict: () => void): Partial<StoragePlace> {
  return { damages: async () => [{ description: what, apply: async () => inflict() }] }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const FAULTY_MID_CALL: readonly FaultyStorage[] = [
  faulty(
    'writes the blocks first, and then their term',
    'a crash within a call leaves of a write all of it, or its term and vote alone, or nothing',
    (good) => ({
      write: async (write) => {
        await good.write({ ...write, hardState: undefined })
        await good.write({ blocks: [], hardState: write.hardState, isUrgent: write.isUrgent })
      },
    }),
  ),
  faulty(
    'truncates in a step of its own',
    'a crash within a call leaves of a write all of it, or its term and vote alone, or nothing',
    (good) => ({
      write: async ({ truncateAfter, ...write }) => {
        if (truncateAfter !== undefined) await good.write({ truncateAfter, blocks: [], isUrgent: true })
        await good.write(write)
      },
    }),
  ),
  faulty(
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
  faulty(
    'drops the log before it records what replaces it',
    'a crash within a call leaves the old log or the snapshot that replaces it, and never neither',
    (good) => ({
      write: async (write) => {
        if (write.snapshot?.resetLog === true) await good.write({ truncateAfter: 0, blocks: [], isUrgent: true })
        await good.write(write)
      },
    }),
  ),
  faulty(
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
  faulty(
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
  faulty(
    'keeps the blocks on another disk than the terms',
    'a lost sync brings back a beginning of what was written, or is noticed, and never a mixture',
    (good, disk) => ({
      write: async (write) => {
        const isLying = disk instanceof CrashingDisk && disk.ignoresSyncs
        if (isLying && disk instanceof CrashingDisk) disk.ignoresSyncs = false
        await good.write({ ...write, hardState: isLying ? undefined : write.hardState })
        if (isLying && disk instanceof CrashingDisk) disk.ignoresSyncs = true
      },
    }),
  ),
]

const FAULTY_WHEN_FAILING: readonly FaultyStorage[] = [
  faulty(
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

const FAULTY_WHEN_FULL: readonly FaultyStorage[] = [
  faulty('does not know a full disk from a broken one', FULL_DISK_CHECK, (good) => ({
    write: (write) =>
      good.write(write).catch((cause: unknown) => {
        throw new RaftError('ERR_RAFT_STORAGE', String(cause), { cause })
      }),
  })),
  faulty('takes writes again when there is room', FULL_DISK_CHECK, (good, disk) => ({
    write: (write) => (disk.isOpen ? good.write(write).catch(() => disk.write(write)) : good.write(write)),
  })),
  faulty(
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

export const FAULTY_DURABILITY: readonly FaultyStorage[] = [
  faulty('syncs a vote with the next block', RANDOM_CRASHES_CHECK, (good) => ({
    write: (write) => good.write({ ...write, isUrgent: write.isUrgent && write.blocks.length > 0 }),
  })),
  faulty('syncs a truncation with the next block', RANDOM_CRASHES_CHECK, (good) => ({
    write: (write) => {
      const isLate = write.truncateAfter !== undefined && write.blocks.length === 0
      return good.write({ ...write, isUrgent: write.isUrgent && !isLate })
    },
  })),
  faulty('counts a reset as done when the file is', RANDOM_CRASHES_CHECK, (good) => ({
    write: (write) => good.write({ ...write, isUrgent: write.isUrgent && write.snapshot?.resetLog !== true }),
  })),
  faulty('acknowledges before the sync', 'a crash loses nothing that was urgent', (good) => ({
    write: (write) => good.write({ ...write, isUrgent: false }),
  })),
  faulty('syncs no write that carries nothing', 'a crash makes an urgent write carry the ones before it', (good) => ({
    write: async (write) => {
      if (write.blocks.length + Object.keys(write).length > 2) await good.write(write)
    },
  })),
  faulty(
    'lives on after a failed write',
    'a failing disk that could not take blocks fails every later call with the same error, for good',
    (good) => ({
      freeBytes: () => good.freeBytes().catch(() => 0),
    }),
  ),
  faulty(
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
  ...FAULTY_MID_CALL,
  ...FAULTY_WHEN_FAILING,
  ...FAULTY_WHEN_FULL,
  ...FAULTY_CHECKSUMS,
]

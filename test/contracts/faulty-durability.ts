/** Storages with one defect each in the handling of crashes, failing disks and damage. */
import { RaftError } from '../../src/errors.ts'
import type { StorageFixture } from '../../src/testing/contracts/storage-contract.ts'
import { CrashingDisk } from '../memory/memory-storage-fixture.ts'
import type { FaultyStorage } from './faulty-storage.ts'
import { faulty } from './faulty-storage.ts'

const RANDOM_CRASHES_CHECK = 'a crash keeps every urgent write and a prefix of the later ones, in random histories'

const FULL_DISK_CHECK = 'a full disk stops all writes, even after space is freed, and loses no acknowledged write'

const DAMAGE_CHECK = 'damage causes an error on open or read, and never a gap, an older vote or different bytes'

const FAULTY_CHECKSUMS: readonly FaultyStorage[] = [
  faulty(
    'opens with an older vote if the newer one is damaged',
    DAMAGE_CHECK,
    () => ({}),
    (disk) =>
      damagedBy('the vote', () =>
        disk.write({ blocks: [], hardState: { term: 3, votedFor: 'b', commitIndex: 0 }, isUrgent: true }),
      ),
  ),
  faulty(
    'opens without the blocks after a damaged one',
    DAMAGE_CHECK,
    () => ({}),
    (disk) => damagedBy('the second block', () => disk.write({ truncateAfter: 6, blocks: [], isUrgent: true })),
  ),
  faulty(
    'returns the content of a damaged file',
    DAMAGE_CHECK,
    () => ({}),
    (disk) =>
      damagedBy('the file of the snapshot', () => {
        for (const { chunks } of disk.files.values()) chunks[0]?.fill(0, 0, 10)
      }),
  ),
  faulty(
    'has a fixture that damages nothing',
    DAMAGE_CHECK,
    () => ({}),
    () => damagedBy('nothing', () => undefined),
  ),
]

function damagedBy(what: string, inflict: () => void): Partial<StorageFixture> {
  return { damages: async () => [{ description: what, apply: async () => inflict() }] }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const FAULTY_MID_CALL: readonly FaultyStorage[] = [
  faulty(
    'counts a boot once it is closed',
    'a crash forgets no boot and no mark',
    () => ({}),
    (disk) => ({
      crash: async () => {
        disk.crash()
        disk.boot = undefined
      },
    }),
  ),
  faulty(
    'writes the blocks before their term',
    'a crash within a call applies a write completely, or only its term and vote, or not at all',
    (correct) => ({
      write: async (write) => {
        await correct.write({ ...write, hardState: undefined })
        await correct.write({ blocks: [], hardState: write.hardState, isUrgent: write.isUrgent })
      },
    }),
  ),
  faulty(
    'truncates in a separate step',
    'a crash within a call applies a write completely, or only its term and vote, or not at all',
    (correct) => ({
      write: async ({ truncateAfter, ...write }) => {
        if (truncateAfter !== undefined) await correct.write({ truncateAfter, blocks: [], isUrgent: true })
        await correct.write(write)
      },
    }),
  ),
  faulty(
    'writes a commit index before the entries it covers',
    'a crash within a call applies a write completely, or only its term and vote, or not at all',
    (correct, disk) => ({
      write: async (write) => {
        const { log, hardState } = disk.view
        const commitIndex = Math.min(write.hardState?.commitIndex ?? 0, log.last.index)
        if (write.hardState !== undefined && commitIndex > hardState.commitIndex)
          await correct.write({ blocks: [], hardState: { ...write.hardState, commitIndex }, isUrgent: true })
        await correct.write(write)
      },
    }),
  ),
  faulty(
    'removes the log before it records the snapshot',
    'a crash within a call leaves the old log or the snapshot that replaces it',
    (correct) => ({
      write: async (write) => {
        if (write.snapshot?.resetLog === true) await correct.write({ truncateAfter: 0, blocks: [], isUrgent: true })
        await correct.write(write)
      },
    }),
  ),
  faulty(
    'writes the identity before the rest of a new directory',
    'a crash within a call leaves a storage that opens, whether it was being created or opened again',
    (correct, disk) => ({
      open: async (identity) => {
        const isCreating = disk.identity === undefined
        if (!isCreating && disk.identity?.nodeId === '') throw new RaftError('ERR_RAFT_CORRUPT', 'incomplete')
        if (isCreating) disk.identity = { ...identity, nodeId: '' }
        await turn()
        if (isCreating) disk.identity = undefined
        return correct.open(identity)
      },
    }),
  ),
  faulty(
    'rewrites the whole log when it closes',
    'a crash within a call loses no write during a close',
    (correct, disk) => ({
      close: async () => {
        const blocks = disk.view.log.blocks.slice()
        if (disk.isOpen && blocks.length > 0) {
          await correct.write({ truncateAfter: 0, blocks: [], isUrgent: true })
          await correct.write({ blocks, isUrgent: true })
        }
        await correct.close()
      },
    }),
  ),
  faulty(
    'syncs blocks and terms to different disks',
    'a lost sync leaves a prefix of the writes or is detected, and never leaves a mixture',
    (correct, disk) => ({
      write: async (write) => {
        const ignoresSyncs = disk instanceof CrashingDisk && disk.ignoresSyncs
        if (ignoresSyncs && disk instanceof CrashingDisk) disk.ignoresSyncs = false
        await correct.write({ ...write, hardState: ignoresSyncs ? undefined : write.hardState })
        if (ignoresSyncs && disk instanceof CrashingDisk) disk.ignoresSyncs = true
      },
    }),
  ),
]

const FAULTY_WHEN_FAILING: readonly FaultyStorage[] = [
  faulty(
    'ignores a failed write of a vote',
    'a failing disk that fails to write a vote makes every later call fail with the same error',
    (correct) => ({
      write: (write) =>
        correct.write(write).catch((error: unknown) => {
          if (write.blocks.length > 0) throw error
        }),
    }),
  ),
]

const FAULTY_WHEN_FULL: readonly FaultyStorage[] = [
  faulty('reports a full disk as a storage error', FULL_DISK_CHECK, (correct) => ({
    write: (write) =>
      correct.write(write).catch((cause: unknown) => {
        throw new RaftError('ERR_RAFT_STORAGE', String(cause), { cause })
      }),
  })),
  faulty('accepts writes again once space is freed', FULL_DISK_CHECK, (correct, disk) => ({
    write: (write) => (disk.isOpen ? correct.write(write).catch(() => disk.write(write)) : correct.write(write)),
  })),
  faulty(
    'lists a snapshot that did not fit',
    'a full disk rejects a snapshot without listing it, and the log accepts writes once space is freed',
    (correct, disk) => ({
      snapshots: {
        create: async (info) => {
          disk.files.set(info.id, { info, chunks: [], size: 0 })
          return correct.snapshots.create(info)
        },
        read: (id, offset) => correct.snapshots.read(id, offset),
        list: () => correct.snapshots.list(),
        retain: (ids) => correct.snapshots.retain(ids),
      },
    }),
  ),
]

export const FAULTY_DURABILITY: readonly FaultyStorage[] = [
  faulty('delays the sync of a vote until the next block', RANDOM_CRASHES_CHECK, (correct) => ({
    write: (write) => correct.write({ ...write, isUrgent: write.isUrgent && write.blocks.length > 0 }),
  })),
  faulty('delays the sync of a truncation until the next block', RANDOM_CRASHES_CHECK, (correct) => ({
    write: (write) => {
      const isLate = write.truncateAfter !== undefined && write.blocks.length === 0
      return correct.write({ ...write, isUrgent: write.isUrgent && !isLate })
    },
  })),
  faulty('does not sync a reset', RANDOM_CRASHES_CHECK, (correct) => ({
    write: (write) => correct.write({ ...write, isUrgent: write.isUrgent && write.snapshot?.resetLog !== true }),
  })),
  faulty('acknowledges a write before the sync', 'a crash loses no urgent write', (correct) => ({
    write: (write) => correct.write({ ...write, isUrgent: false }),
  })),
  faulty('skips the sync of an empty write', 'a crash keeps the writes that precede an urgent one', (correct) => ({
    write: async (write) => {
      if (write.blocks.length + Object.keys(write).length > 2) await correct.write(write)
    },
  })),
  faulty(
    'continues after a failed write',
    'a failing disk that fails to write blocks makes every later call fail with the same error',
    (correct) => ({
      freeBytes: () => correct.freeBytes().catch(() => 0),
    }),
  ),
  faulty(
    'retries a failed write',
    'a failing disk that fails to write blocks makes every later call fail with the same error',
    (correct, disk) => ({
      write: (write) =>
        correct.write(write).catch((error: unknown) => {
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

/** Storages that are bad at crashes, failing disks and damage, in one way each. */
import type { StoragePlace } from '../../src/testing/contracts/storage-contract.ts'
import type { BadStorage } from './lying-storage.ts'
import { bad } from './lying-storage.ts'

const ANY_HISTORY = 'a crash leaves all that was acknowledged, and of the rest a beginning, whatever came before'

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
    'a failing disk fails every later call with the same error, for good',
    (good) => ({
      freeBytes: () => good.freeBytes().catch(() => 0),
    }),
  ),
  bad(
    'tries again after a failed write',
    'a failing disk fails every later call with the same error, for good',
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
  ...BAD_CHECKSUMS,
]

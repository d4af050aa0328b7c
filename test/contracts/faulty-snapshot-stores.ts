/** Storages with one defect each in their snapshot files. */
import type { SnapshotStore, SnapshotWriter, Storage } from '../../src/contracts/storage.ts'
import type { SnapshotInfo } from '../../src/core/types.ts'
import { RaftError } from '../../src/errors.ts'
import type { MemoryDisk } from '../../src/memory/memory-disk.ts'
import type { FaultyStorage } from './faulty-storage.ts'
import { faulty } from './faulty-storage.ts'

type SnapshotDefect = (correct: SnapshotStore, disk: MemoryDisk) => Partial<SnapshotStore>

/** A storage with overridden methods of its snapshot store. */
const faultyFiles = (defect: string, failingCheck: string, override: SnapshotDefect): FaultyStorage =>
  faulty(defect, failingCheck, ({ snapshots }, disk) => ({
    snapshots: { ...allMethodsOf(snapshots), ...override(snapshots, disk) },
  }))

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export const FAULTY_SNAPSHOT_STORES: readonly FaultyStorage[] = [
  faultyFiles(
    'ignores the offset of a read',
    'snapshot files are listed once finished, and can be read from any offset',
    (correct) => ({
      read: (id) => correct.read(id, 0),
    }),
  ),
  faultyFiles('rejects an empty file', 'snapshot files can be empty', (correct) => ({
    create: (info) =>
      withFaultyWriter(correct, info, (writer) => ({ finish: async () => (await writer.finish()) || fail('empty') })),
  })),
  faultyFiles('discards a partial file', 'snapshot files resume after an interrupted transfer', (correct) => ({
    create: (info) => withFaultyWriter(correct, info, (writer) => ({ suspend: () => writer.discard() })),
  })),
  faultyFiles(
    'resumes from an offset with lost bytes',
    'snapshot files resume after an interrupted transfer',
    (correct) => ({
      create: (info) =>
        withFaultyWriter(correct, info, (writer) => ({
          write: (chunk) => writer.write(writer.offset === 0 ? new Uint8Array(chunk.length) : chunk),
        })),
    }),
  ),
  faultyFiles(
    'keeps a discarded file',
    'snapshot files start over if the partial file was discarded or belongs to another snapshot',
    (correct) => ({
      create: (info) => withFaultyWriter(correct, info, (writer) => ({ discard: () => writer.suspend() })),
    }),
  ),
  faultyFiles(
    'keeps the first file of an id',
    'snapshot files are replaced by a file that is finished under the same id',
    (correct, disk) => ({
      create: (info) =>
        withFaultyWriter(correct, info, (writer) => {
          const first = disk.files.get(info.id)
          return { finish: () => writer.finish().finally(() => first !== undefined && disk.files.set(info.id, first)) }
        }),
    }),
  ),
  faultyFiles(
    'accepts a file of any size',
    'snapshot files are rejected if their size differs from the announced size',
    (correct) => ({
      create: (info) => correct.create({ ...info, size: 0 }),
    }),
  ),
  faultyFiles(
    'lists an unfinished file',
    'a crash within a call leaves a snapshot file complete, or unlisted and resumable',
    (correct, disk) => ({
      create: (info) =>
        withFaultyWriter(correct, info, (writer) => ({
          write: async (chunk) => {
            await writer.write(chunk)
            disk.files.set(info.id, { info, chunks: [chunk], size: chunk.length })
          },
        })),
    }),
  ),
  faultyFiles(
    'removes every file and then restores the retained ones',
    'a crash within a call keeps every retained snapshot, and leaves each other one complete or removed',
    (correct, disk) => ({
      retain: async (ids) => {
        const kept = [...disk.files].filter(([id]) => ids.includes(id))
        disk.files.clear()
        await correct.retain(ids)
        await turn()
        await correct.list()
        for (const [id, file] of kept) disk.files.set(id, file)
      },
    }),
  ),
  faultyFiles(
    'accepts writes after the end of a writer',
    'snapshot files cannot be written after their writer has ended',
    (correct) => ({
      create: (info) => {
        let isEnded = false
        return withFaultyWriter(correct, info, (writer) => ({
          finish: async () => {
            isEnded = true
            return writer.finish()
          },
          write: async (chunk) => {
            if (!isEnded) await writer.write(chunk)
          },
        }))
      },
    }),
  ),
  faultyFiles('removes nothing', 'snapshot files are removed unless retained', () => ({
    retain: async () => undefined,
  })),
  faultyFiles(
    'lists only the last path segment of an id',
    'snapshot files accept any id without escaping their directory',
    (correct) => ({
      list: async () => (await correct.list()).map((id) => id.split('/').at(-1) as string),
    }),
  ),
  faultyFiles('returns no bytes for an unknown id', 'snapshot files report an unknown id as gone', (_, disk) => ({
    async *read(id) {
      yield* disk.files.get(id)?.chunks ?? []
    },
  })),
  faultyFiles(
    'continues a read after a close',
    'a storage can be closed during reads, and while snapshots are written and read',
    (_, disk) => ({
      async *read(id) {
        yield* disk.files.get(id)?.chunks ?? []
      },
    }),
  ),
  faultyFiles(
    'writes the file under its final name',
    'a crash leaves no partial snapshot in the list, and a partial one can be resumed',
    (correct, disk) => ({
      create: (info) => {
        disk.files.set(info.id, { info, chunks: [], size: 0 })
        return correct.create(info)
      },
    }),
  ),
]

function allMethodsOf(correct: SnapshotStore): SnapshotStore {
  return {
    create: (info) => correct.create(info),
    read: (id, offset) => correct.read(id, offset),
    list: () => correct.list(),
    retain: (ids) => correct.retain(ids),
  }
}

async function withFaultyWriter(
  correct: Storage['snapshots'],
  info: SnapshotInfo,
  defect: (writer: SnapshotWriter) => Partial<SnapshotWriter>,
): Promise<SnapshotWriter> {
  const writer = await correct.create(info)
  return {
    offset: writer.offset,
    write: (chunk) => writer.write(chunk),
    finish: () => writer.finish(),
    suspend: () => writer.suspend(),
    discard: () => writer.discard(),
    ...defect(writer),
  }
}

function fail(what: string): never {
  throw new RaftError('ERR_RAFT_STORAGE', what)
}

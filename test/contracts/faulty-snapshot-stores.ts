/** Storages with one defect each in their snapshot files. */
import type { SnapshotStore, SnapshotWriter, Storage } from '../../src/contracts/storage.ts'
import type { SnapshotInfo } from '../../src/core/types.ts'
import { RaftError } from '../../src/errors.ts'
import type { MemoryDisk } from '../../src/memory/memory-disk.ts'
import type { FaultyStorage } from './faulty-storage.ts'
import { faulty } from './faulty-storage.ts'

type SnapshotDefect = (good: SnapshotStore, disk: MemoryDisk) => Partial<SnapshotStore>

const faultyFiles = (it: string, fails: string, lie: SnapshotDefect): FaultyStorage =>
  faulty(it, fails, ({ snapshots }, disk) => ({ snapshots: { ...allMethodsOf(snapshots), ...lie(snapshots, disk) } }))

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export const FAULTY_SNAPSHOT_STORES: readonly FaultyStorage[] = [
  faultyFiles(
    'ignores the offset of a read',
    'snapshot files are listed once finished, and can be read from any offset',
    (good) => ({
      read: (id) => good.read(id, 0),
    }),
  ),
  faultyFiles('rejects an empty file', 'snapshot files can be empty', (good) => ({
    create: (info) =>
      withFaultyWriter(good, info, (writer) => ({ finish: async () => (await writer.finish()) || fail('empty') })),
  })),
  faultyFiles('discards a partial file', 'snapshot files resume after an interrupted transfer', (good) => ({
    create: (info) => withFaultyWriter(good, info, (writer) => ({ suspend: () => writer.discard() })),
  })),
  faultyFiles(
    'resumes from an offset with lost bytes',
    'snapshot files resume after an interrupted transfer',
    (good) => ({
      create: (info) =>
        withFaultyWriter(good, info, (writer) => ({
          write: (chunk) => writer.write(writer.offset === 0 ? new Uint8Array(chunk.length) : chunk),
        })),
    }),
  ),
  faultyFiles(
    'keeps a discarded file',
    'snapshot files start over if the partial file was discarded or belongs to another snapshot',
    (good) => ({ create: (info) => withFaultyWriter(good, info, (writer) => ({ discard: () => writer.suspend() })) }),
  ),
  faultyFiles(
    'accepts a file of any size',
    'snapshot files are rejected if their size differs from the announced size',
    (good) => ({
      create: (info) => good.create({ ...info, size: 0 }),
    }),
  ),
  faultyFiles(
    'lists an unfinished file',
    'a crash within a call leaves a snapshot file complete, or unlisted and resumable',
    (good, disk) => ({
      create: (info) =>
        withFaultyWriter(good, info, (writer) => ({
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
    (good, disk) => ({
      retain: async (ids) => {
        const kept = [...disk.files].filter(([id]) => ids.includes(id))
        disk.files.clear()
        await good.retain(ids)
        await turn()
        await good.list()
        for (const [id, file] of kept) disk.files.set(id, file)
      },
    }),
  ),
  faultyFiles(
    'accepts writes after the end of a writer',
    'snapshot files cannot be written after their writer has ended',
    (good) => ({
      create: (info) => {
        let isEnded = false
        return withFaultyWriter(good, info, (writer) => ({
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
    (good) => ({
      list: async () => (await good.list()).map((id) => id.split('/').at(-1) as string),
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
    (good, disk) => ({
      create: (info) => {
        disk.files.set(info.id, { info, chunks: [], size: 0 })
        return good.create(info)
      },
    }),
  ),
]

function allMethodsOf(good: SnapshotStore): SnapshotStore {
  return {
    create: (info) => good.create(info),
    read: (id, offset) => good.read(id, offset),
    list: () => good.list(),
    retain: (ids) => good.retain(ids),
  }
}

async function withFaultyWriter(
  good: Storage['snapshots'],
  info: SnapshotInfo,
  defect: (writer: SnapshotWriter) => Partial<SnapshotWriter>,
): Promise<SnapshotWriter> {
  const writer = await good.create(info)
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

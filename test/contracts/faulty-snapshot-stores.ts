/** Storages whose snapshot files are bad in one way each. */
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
    'reads from the start, whatever the offset',
    'snapshot files are whole once finished, listed, and read from any offset',
    (good) => ({
      read: (id) => good.read(id, 0),
    }),
  ),
  faultyFiles('holds nothing for no file', 'snapshot files may be empty', (good) => ({
    create: (info) =>
      withFaultyWriter(good, info, (writer) => ({ finish: async () => (await writer.finish()) || fail('empty') })),
  })),
  faultyFiles('throws a partial file away', 'snapshot files go on where a broken transfer stopped', (good) => ({
    create: (info) => withFaultyWriter(good, info, (writer) => ({ suspend: () => writer.discard() })),
  })),
  faultyFiles('counts bytes that were lost', 'snapshot files go on where a broken transfer stopped', (good) => ({
    create: (info) =>
      withFaultyWriter(good, info, (writer) => ({
        write: (chunk) => writer.write(writer.offset === 0 ? new Uint8Array(chunk.length) : chunk),
      })),
  })),
  faultyFiles(
    'keeps what was to be discarded',
    'snapshot files begin anew when discarded, or when the partial file is of another snapshot',
    (good) => ({ create: (info) => withFaultyWriter(good, info, (writer) => ({ discard: () => writer.suspend() })) }),
  ),
  faultyFiles(
    'takes a file of any size',
    'snapshot files are refused when they end with another size than announced',
    (good) => ({
      create: (info) => good.create({ ...info, size: 0 }),
    }),
  ),
  faultyFiles(
    'lists what it is still writing',
    'a crash within a call leaves a snapshot file whole, or not in the list and to be gone on with',
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
    'removes everything, and puts back what is retained',
    'a crash within a call leaves what is retained, and of the rest a file whole or none',
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
  faultyFiles('lets an ended writer go on', 'snapshot files take nothing more once their writer has ended', (good) => ({
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
  })),
  faultyFiles('removes nothing', 'snapshot files are removed unless retained', () => ({
    retain: async () => undefined,
  })),
  faultyFiles('lists the last part of an id', 'snapshot files take any id without leaving their place', (good) => ({
    list: async () => (await good.list()).map((id) => id.split('/').at(-1) as string),
  })),
  faultyFiles(
    'reads nothing of what is not there',
    'snapshot files answer for an unknown id that it is gone',
    (_, disk) => ({
      async *read(id) {
        yield* disk.files.get(id)?.chunks ?? []
      },
    }),
  ),
  faultyFiles(
    'reads on after the close',
    'lifecycle may be closed while it is read, and while snapshots are written and read',
    (_, disk) => ({
      async *read(id) {
        yield* disk.files.get(id)?.chunks ?? []
      },
    }),
  ),
  faultyFiles(
    'writes the file in its place',
    'a crash leaves no partial snapshot in the list, and what is resumed of one is right',
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

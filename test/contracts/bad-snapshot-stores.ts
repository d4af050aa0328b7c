/** Storages whose snapshot files are bad in one way each. */
import type { SnapshotStore, SnapshotWriter, Storage } from '../../src/contracts/storage.ts'
import type { SnapshotInfo } from '../../src/core/types.ts'
import { RaftError } from '../../src/errors.ts'
import type { MemoryDisk } from '../../src/memory/memory-disk.ts'
import type { BadStorage } from './lying-storage.ts'
import { bad } from './lying-storage.ts'

type SnapshotLie = (good: SnapshotStore, disk: MemoryDisk) => Partial<SnapshotStore>

const badFiles = (it: string, fails: string, lie: SnapshotLie): BadStorage =>
  bad(it, fails, ({ snapshots }, disk) => ({ snapshots: { ...whole(snapshots), ...lie(snapshots, disk) } }))

export const BAD_SNAPSHOT_STORES: readonly BadStorage[] = [
  badFiles(
    'reads from the start, whatever the offset',
    'snapshot files are whole once finished, listed, and read from any offset',
    (good) => ({
      read: (id) => good.read(id, 0),
    }),
  ),
  badFiles('holds nothing for no file', 'snapshot files may be empty', (good) => ({
    create: (info) =>
      writing(good, info, (writer) => ({ finish: async () => (await writer.finish()) || fail('empty') })),
  })),
  badFiles('throws a partial file away', 'snapshot files go on where a broken transfer stopped', (good) => ({
    create: (info) => writing(good, info, (writer) => ({ suspend: () => writer.discard() })),
  })),
  badFiles('counts bytes that were lost', 'snapshot files go on where a broken transfer stopped', (good) => ({
    create: (info) =>
      writing(good, info, (writer) => ({
        write: (chunk) => writer.write(writer.offset === 0 ? new Uint8Array(chunk.length) : chunk),
      })),
  })),
  badFiles(
    'keeps what was to be discarded',
    'snapshot files begin anew when discarded, or when the partial file is of another snapshot',
    (good) => ({ create: (info) => writing(good, info, (writer) => ({ discard: () => writer.suspend() })) }),
  ),
  badFiles(
    'takes a file of any size',
    'snapshot files are refused when they end with another size than announced',
    (good) => ({
      create: (info) => good.create({ ...info, size: 0 }),
    }),
  ),
  badFiles('removes nothing', 'snapshot files are removed unless retained', () => ({
    retain: async () => undefined,
  })),
  badFiles('lists the last part of an id', 'snapshot files take any id without leaving their place', (good) => ({
    list: async () => (await good.list()).map((id) => id.split('/').at(-1) as string),
  })),
  badFiles(
    'reads nothing of what is not there',
    'snapshot files answer for an unknown id that it is gone',
    (_, disk) => ({
      async *read(id) {
        yield* disk.files.get(id)?.chunks ?? []
      },
    }),
  ),
  badFiles(
    'reads on after the close',
    'lifecycle may be closed while it is read, and while snapshots are written and read',
    (_, disk) => ({
      async *read(id) {
        yield* disk.files.get(id)?.chunks ?? []
      },
    }),
  ),
  badFiles(
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

function whole(good: SnapshotStore): SnapshotStore {
  return {
    create: (info) => good.create(info),
    read: (id, offset) => good.read(id, offset),
    list: () => good.list(),
    retain: (ids) => good.retain(ids),
  }
}

async function writing(
  good: Storage['snapshots'],
  info: SnapshotInfo,
  lie: (writer: SnapshotWriter) => Partial<SnapshotWriter>,
): Promise<SnapshotWriter> {
  const writer = await good.create(info)
  return {
    offset: writer.offset,
    write: (chunk) => writer.write(chunk),
    finish: () => writer.finish(),
    suspend: () => writer.suspend(),
    discard: () => writer.discard(),
    ...lie(writer),
  }
}

function fail(what: string): never {
  throw new RaftError('ERR_RAFT_STORAGE', what)
}

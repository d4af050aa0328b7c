/** Storages with one defect each in identity checks or in calls before open() and after close(). */
import type { Storage } from '../../src/contracts/storage.ts'
import { RaftError } from '../../src/errors.ts'
import type { FaultyStorage } from './faulty-storage.ts'
import { faulty } from './faulty-storage.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export const FAULTY_IDENTITIES: readonly FaultyStorage[] = [
  faulty('ignores the cluster id', 'the identity of another cluster is rejected, and the error names both', (good) => ({
    open: (identity) => good.open({ newClusterId: identity.clusterId, ...identity, clusterId: '' }),
  })),
  faulty('ignores the node id', 'the identity of another node is rejected, and the error names both', (good, disk) => ({
    open: (identity) => good.open({ ...identity, nodeId: disk.identity?.nodeId ?? identity.nodeId }),
  })),
  faulty('stores the identity of a rejected open', 'the identity is unchanged after a rejected open', (good, disk) => ({
    open: (identity) =>
      good.open(identity).catch((error: unknown) => {
        disk.identity = identity
        throw error
      }),
  })),
  faulty('requires a cluster id at every open', 'the identity may omit the cluster id if it is on disk', (good) => ({
    open: async (identity) => {
      if (identity.clusterId === '') throw new RaftError('ERR_RAFT_CLUSTER_MISMATCH', 'no cluster id')
      return good.open(identity)
    },
  })),
  faulty(
    'uses the new cluster id at every open',
    'the identity takes the new cluster id if none is given, and keeps it',
    (good) => ({
      open: async (identity) => {
        const clusterId = identity.newClusterId ?? identity.clusterId
        return { ...(await good.open(identity)), identity: { ...identity, clusterId } }
      },
    }),
  ),
  faulty('allows a second storage on the same data', 'the identity is used by one storage at a time', (good, disk) => ({
    open: (identity) => {
      disk.detach()
      return good.open(identity)
    },
  })),
]

export const FAULTY_LIFECYCLES: readonly FaultyStorage[] = [
  faulty('reports free bytes before it is open', 'a storage rejects every call before it is open', () => ({
    freeBytes: async () => 7,
  })),
  faulty('accepts writes after it is closed', 'a storage rejects every call after it is closed', (good, disk) => ({
    write: (write) => good.write(write).catch(() => disk.write(write)),
  })),
  faulty(
    'cannot be closed twice',
    'a storage can be closed twice, concurrently and later, and without being opened',
    (good) => {
      let closes = 0
      return {
        close: async () => {
          if (closes++ > 0) throw new RaftError('ERR_RAFT_CLOSED', 'already closed')
          await good.close()
        },
      }
    },
  ),
  faulty('hangs in close()', 'a storage can be closed twice, concurrently and later, and without being opened', () => ({
    close: () => new Promise(() => undefined),
  })),
  faulty('opens twice', 'a storage can be opened only once', (good) => {
    let opening: ReturnType<Storage['open']> | undefined
    return { open: (identity) => (opening ??= good.open(identity)) }
  }),
  faulty('does not wait for a write in close()', 'a storage waits for a pending write when it closes', (good) => ({
    write: async (write) => {
      await turn()
      await good.write(write)
    },
  })),
  faulty('settles only the first of two closes', 'a storage settles two concurrent closes during a write', (good) => {
    let closes = 0
    return {
      write: async (write) => {
        await turn()
        await good.write(write)
      },
      close: async () => {
        if (closes++ > 0) return new Promise(() => undefined)
        await turn()
        await turn()
        await good.close()
      },
    }
  }),
  faulty(
    'never settles the end of a reader',
    'a storage allows snapshot readers and writers to end after a close',
    (good) => ({
      snapshots: {
        create: (info) => good.snapshots.create(info),
        read: (id, offset) => {
          const chunks = good.snapshots.read(id, offset)[Symbol.asyncIterator]()
          return {
            [Symbol.asyncIterator]: () => ({ next: () => chunks.next(), return: () => new Promise(() => undefined) }),
          }
        },
        list: () => good.snapshots.list(),
        retain: (ids) => good.snapshots.retain(ids),
      },
    }),
  ),
  faulty('opens after it was closed', 'a storage can be closed while it opens, and leaves no lock', (good) => {
    let isOpen = false
    return {
      open: async (identity) => {
        await turn()
        isOpen = true
        return good.open(identity)
      },
      close: async () => {
        if (isOpen) await good.close()
      },
    }
  }),
]

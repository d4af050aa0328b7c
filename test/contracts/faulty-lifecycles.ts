/** Storages with one defect each in identity checks or in calls before open() and after close(). */
import type { Storage } from '../../src/contracts/storage.ts'
import { RaftError } from '../../src/errors.ts'
import type { FaultyStorage } from './faulty-storage.ts'
import { faulty } from './faulty-storage.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export const FAULTY_IDENTITIES: readonly FaultyStorage[] = [
  faulty(
    'ignores the cluster id',
    'the identity of another cluster is rejected, and the error names both',
    (correct) => ({
      open: (identity) => correct.open({ newClusterId: identity.clusterId, ...identity, clusterId: '' }),
    }),
  ),
  faulty(
    'ignores the node id',
    'the identity of another node is rejected, and the error names both',
    (correct, disk) => ({
      open: (identity) => correct.open({ ...identity, nodeId: disk.identity?.nodeId ?? identity.nodeId }),
    }),
  ),
  faulty(
    'stores the identity of a rejected open',
    'the identity is unchanged after a rejected open',
    (correct, disk) => ({
      open: (identity) =>
        correct.open(identity).catch((error: unknown) => {
          disk.identity = identity
          throw error
        }),
    }),
  ),
  faulty('requires a cluster id at every open', 'the identity may omit the cluster id if it is on disk', (correct) => ({
    open: async (identity) => {
      if (identity.clusterId === '') throw new RaftError('ERR_RAFT_CLUSTER_MISMATCH', 'no cluster id')
      return correct.open(identity)
    },
  })),
  faulty(
    'uses the new cluster id at every open',
    'the identity takes the new cluster id if none is given, and keeps it',
    (correct) => ({
      open: async (identity) => {
        const clusterId = identity.newClusterId ?? identity.clusterId
        return { ...(await correct.open(identity)), identity: { ...identity, clusterId } }
      },
    }),
  ),
  faulty(
    'repeats the id of the boot before',
    'the identity counts its boots: each open draws the next number and a new id, and knows the ids before',
    (correct) => ({
      open: async (identity) => {
        const recovered = await correct.open(identity)
        return { ...recovered, boot: { ...recovered.boot, id: recovered.boot.earlier[0] ?? recovered.boot.id } }
      },
    }),
  ),
  faulty(
    'forgets that it was marked as unusable',
    'the identity stays unusable once it is marked, and says why',
    (_, disk) => ({
      close: async () => {
        disk.unusable = undefined
        disk.detach()
      },
    }),
  ),
  faulty(
    'allows a second storage on the same data',
    'the identity is used by one storage at a time',
    (correct, disk) => ({
      open: (identity) => {
        disk.detach()
        return correct.open(identity)
      },
    }),
  ),
]

export const FAULTY_LIFECYCLES: readonly FaultyStorage[] = [
  faulty('reports free bytes before it is open', 'a storage rejects every call before it is open', () => ({
    freeBytes: async () => 7,
  })),
  faulty('accepts writes after it is closed', 'a storage rejects every call after it is closed', (correct, disk) => ({
    write: (write) => correct.write(write).catch(() => disk.write(write)),
  })),
  faulty(
    'cannot be closed twice',
    'a storage can be closed twice, concurrently and later, and without being opened',
    (correct) => {
      let closes = 0
      return {
        close: async () => {
          if (closes++ > 0) throw new RaftError('ERR_RAFT_CLOSED', 'already closed')
          await correct.close()
        },
      }
    },
  ),
  faulty('hangs in close()', 'a storage can be closed twice, concurrently and later, and without being opened', () => ({
    close: () => new Promise(() => undefined),
  })),
  faulty('opens twice', 'a storage can be opened only once', (correct) => {
    let opening: ReturnType<Storage['open']> | undefined
    return { open: (identity) => (opening ??= correct.open(identity)) }
  }),
  faulty('does not wait for a write in close()', 'a storage waits for a pending write when it closes', (correct) => ({
    write: async (write) => {
      await turn()
      await correct.write(write)
    },
  })),
  faulty(
    'settles only the first of two closes',
    'a storage settles two concurrent closes during a write',
    (correct) => {
      let closes = 0
      return {
        write: async (write) => {
          await turn()
          await correct.write(write)
        },
        close: async () => {
          if (closes++ > 0) return new Promise(() => undefined)
          await turn()
          await turn()
          await correct.close()
        },
      }
    },
  ),
  faulty(
    'never settles the end of a reader',
    'a storage allows snapshot readers and writers to end after a close',
    (correct) => ({
      snapshots: {
        create: (info) => correct.snapshots.create(info),
        read: (id, offset) => {
          const chunks = correct.snapshots.read(id, offset)[Symbol.asyncIterator]()
          return {
            [Symbol.asyncIterator]: () => ({ next: () => chunks.next(), return: () => new Promise(() => undefined) }),
          }
        },
        list: () => correct.snapshots.list(),
        retain: (ids) => correct.snapshots.retain(ids),
      },
    }),
  ),
  faulty('opens after it was closed', 'a storage can be closed while it opens, and leaves no lock', (correct) => {
    let isOpen = false
    return {
      open: async (identity) => {
        await turn()
        isOpen = true
        return correct.open(identity)
      },
      close: async () => {
        if (isOpen) await correct.close()
      },
    }
  }),
]

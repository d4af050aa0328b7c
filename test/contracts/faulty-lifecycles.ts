/** Storages that do not know whose they are, or when they may answer, in one way each. */
import type { Storage } from '../../src/contracts/storage.ts'
import { RaftError } from '../../src/errors.ts'
import type { FaultyStorage } from './faulty-storage.ts'
import { faulty } from './faulty-storage.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export const FAULTY_IDENTITIES: readonly FaultyStorage[] = [
  faulty('ignores the cluster', 'identity of another cluster is refused, and both are named', (good) => ({
    open: (identity) => good.open({ newClusterId: identity.clusterId, ...identity, clusterId: '' }),
  })),
  faulty('ignores the node', 'identity of another node is refused, and both are named', (good, disk) => ({
    open: (identity) => good.open({ ...identity, nodeId: disk.identity?.nodeId ?? identity.nodeId }),
  })),
  faulty(
    'takes whoever came last for the owner',
    'identity refused does no harm: the right one opens afterwards',
    (good, disk) => ({
      open: (identity) =>
        good.open(identity).catch((error: unknown) => {
          disk.identity = identity
          throw error
        }),
    }),
  ),
  faulty('wants a cluster each time', 'identity may leave the cluster open where it is known on disk', (good) => ({
    open: async (identity) => {
      if (identity.clusterId === '') throw new RaftError('ERR_RAFT_CLUSTER_MISMATCH', 'which cluster?')
      return good.open(identity)
    },
  })),
  faulty(
    'makes up a cluster each time',
    'identity made without a cluster id takes the one for new places, and keeps it',
    (good) => ({
      open: async (identity) => {
        const clusterId = identity.newClusterId ?? identity.clusterId
        return { ...(await good.open(identity)), identity: { ...identity, clusterId } }
      },
    }),
  ),
  faulty('lets a second one in', 'identity is held by one storage at a time', (good, disk) => ({
    open: (identity) => {
      disk.detach()
      return good.open(identity)
    },
  })),
]

export const FAULTY_LIFECYCLES: readonly FaultyStorage[] = [
  faulty('knows the free bytes before it is open', 'lifecycle answers no call before it is open', () => ({
    freeBytes: async () => 7,
  })),
  faulty('takes writes after it is closed', 'lifecycle answers no call after it is closed', (good, disk) => ({
    write: (write) => good.write(write).catch(() => disk.write(write)),
  })),
  faulty(
    'cannot be closed twice',
    'lifecycle closes twice, at once and later, and also if it was never open',
    (good) => {
      let closes = 0
      return {
        close: async () => {
          if (closes++ > 0) throw new RaftError('ERR_RAFT_CLOSED', 'closed already')
          await good.close()
        },
      }
    },
  ),
  faulty('hangs at close', 'lifecycle closes twice, at once and later, and also if it was never open', () => ({
    close: () => new Promise(() => undefined),
  })),
  faulty('opens as often as it is asked', 'lifecycle is opened once', (good) => {
    let opening: ReturnType<Storage['open']> | undefined
    return { open: (identity) => (opening ??= good.open(identity)) }
  }),
  faulty('does not wait for a write at close', 'lifecycle waits at close for the write that is under way', (good) => ({
    write: async (write) => {
      await turn()
      await good.write(write)
    },
  })),
  faulty(
    'answers the first of two closes only',
    'lifecycle answers each of two closes while a write is under way',
    (good) => {
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
    },
  ),
  faulty(
    'waits for ever at the end of a reader',
    'lifecycle lets a reader and a writer be ended after it was closed',
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
  faulty('opens after it was closed', 'lifecycle may be closed while it opens, and leaves nothing locked', (good) => {
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

/** Transports that are bad at snapshots, in one way each. */
import type { Transport } from '../../src/contracts/transport.ts'
import { isRaftError } from '../../src/errors.ts'
import type { FaultyTransport } from './faulty-transport.ts'
import { faulty } from './faulty-transport.ts'

type Fetch = Transport['fetchSnapshot']

/** A transport whose fetches are bad. */
function faultyFetch(description: string, fails: string, defect: (good: Transport) => Fetch): FaultyTransport {
  return faulty(description, fails, ({ good }) => ({ transport: { fetchSnapshot: defect(good) } }))
}

/** Ends a fetch as if all of it had come, where it fails with one of these. */
function endingNormallyAt(...codes: string[]): (good: Transport) => Fetch {
  return (good) =>
    async function* (from, id, offset, signal) {
      try {
        yield* good.fetchSnapshot(from, id, offset, signal)
      } catch (error) {
        if (!isRaftError(error) || !codes.includes(error.code)) throw error
      }
    }
}

export const FAULTY_FETCHES: readonly FaultyTransport[] = [
  faultyFetch(
    'fetches from the start, whatever the offset',
    'snapshots fetches a snapshot from the offset that is asked for',
    (good) => (from, id, _, signal) => good.fetchSnapshot(from, id, 0, signal),
  ),
  faultyFetch(
    'fetches all of it before it hands out the first byte',
    'snapshots reads no further ahead than a window while the taker is slow',
    (good) =>
      async function* (from, id, offset, signal) {
        const chunks: Uint8Array[] = []
        for await (const chunk of good.fetchSnapshot(from, id, offset, signal)) chunks.push(chunk)
        yield* chunks
      },
  ),
  faultyFetch(
    'takes a snapshot that is gone for an empty one',
    'snapshots says that a snapshot is gone',
    endingNormallyAt('ERR_RAFT_SNAPSHOT_GONE'),
  ),
  faultyFetch(
    'ignores the signal',
    'snapshots ends a fetch that is aborted with the reason, and the reading too',
    (good) => (from, id, offset) => good.fetchSnapshot(from, id, offset, new AbortController().signal),
  ),
  faultyFetch(
    'takes a broken link for the end of the snapshot',
    'snapshots ends a fetch with a RaftError when the link breaks',
    endingNormallyAt('ERR_RAFT_UNREACHABLE'),
  ),
  faultyFetch(
    'takes a failing source for the end of the snapshot',
    'snapshots ends a fetch with a RaftError when the source fails',
    endingNormallyAt('ERR_RAFT_UNREACHABLE'),
  ),
  faultyFetch(
    'makes up for what did not come',
    'snapshots hands out what came before its source failed, so that another fetch goes on from there',
    (good) =>
      async function* (from, id, offset, signal) {
        try {
          yield* good.fetchSnapshot(from, id, offset, signal)
        } catch (error) {
          yield Uint8Array.of(1)
          throw error
        }
      },
  ),
  faulty('asks once who may come in, and never again', 'snapshots hands no snapshot to who is not admitted', () => ({
    host: (host) => {
      const known = new Set<string>()
      return {
        admit: (peer) => {
          const refusal = known.has(peer.nodeId) ? undefined : host.admit(peer)
          if (refusal === undefined) known.add(peer.nodeId)
          return refusal
        },
      }
    },
  })),
  faultyFetch(
    'fetches nothing from nobody',
    'snapshots cannot fetch from whom it cannot reach',
    (good) =>
      async function* (from, id, offset, signal) {
        yield new Uint8Array(0)
        yield* endingNormallyAt('ERR_RAFT_UNREACHABLE')(good)(from, id, offset, signal)
      },
  ),
  faultyFetch(
    'takes its own end for that of the snapshot',
    'closing ends what is being fetched',
    endingNormallyAt('ERR_RAFT_CLOSED'),
  ),
  faulty('leaves the source open', 'closing lets go of the snapshots it sends', () => ({
    host: (host) => ({
      readSnapshot: (id, offset) => {
        const source = host.readSnapshot(id, offset)[Symbol.asyncIterator]()
        return { [Symbol.asyncIterator]: () => ({ next: () => source.next() }) }
      },
    }),
  })),
  faultyFetch(
    'throws what is no RaftError',
    'snapshots says that a snapshot is gone',
    (good) =>
      async function* (from, id, offset, signal) {
        try {
          yield* good.fetchSnapshot(from, id, offset, signal)
        } catch (error) {
          throw isRaftError(error, 'ERR_RAFT_SNAPSHOT_GONE') ? new Error(error.message) : error
        }
      },
  ),
]

/** Transports with one defect each in snapshot fetches. */
import type { Transport } from '../../src/contracts/transport.ts'
import { isRaftError } from '../../src/errors.ts'
import type { FaultyTransport } from './faulty-transport.ts'
import { faulty } from './faulty-transport.ts'

type Fetch = Transport['fetchSnapshot']

/** A transport with an overridden fetchSnapshot(). */
function faultyFetch(defect: string, failingCheck: string, override: (correct: Transport) => Fetch): FaultyTransport {
  return faulty(defect, failingCheck, ({ correct }) => ({ transport: { fetchSnapshot: override(correct) } }))
}

/** Ends a fetch as if it were complete when it fails with one of these codes. */
function endingNormallyAt(...codes: string[]): (correct: Transport) => Fetch {
  return (correct) =>
    async function* (from, id, offset, signal) {
      try {
        yield* correct.fetchSnapshot(from, id, offset, signal)
      } catch (error) {
        if (!isRaftError(error) || !codes.includes(error.code)) throw error
      }
    }
}

export const FAULTY_FETCHES: readonly FaultyTransport[] = [
  faultyFetch(
    'ignores the offset of a fetch',
    'a snapshot fetch starts at the requested offset',
    (correct) => (from, id, _, signal) => correct.fetchSnapshot(from, id, 0, signal),
  ),
  faultyFetch(
    'buffers the whole snapshot before it yields the first chunk',
    'a snapshot fetch reads at most a window ahead of a slow consumer',
    (correct) =>
      async function* (from, id, offset, signal) {
        const chunks: Uint8Array[] = []
        for await (const chunk of correct.fetchSnapshot(from, id, offset, signal)) chunks.push(chunk)
        yield* chunks
      },
  ),
  faultyFetch(
    'returns an empty snapshot for one that is gone',
    'a snapshot fetch rejects with ERR_RAFT_SNAPSHOT_GONE if the peer does not have the snapshot',
    endingNormallyAt('ERR_RAFT_SNAPSHOT_GONE'),
  ),
  faultyFetch(
    'ignores the abort signal',
    'a snapshot fetch rejects with the reason of an abort, and ends the read',
    (correct) => (from, id, offset) => correct.fetchSnapshot(from, id, offset, new AbortController().signal),
  ),
  faultyFetch(
    'ends a fetch normally when the link is lost',
    'a snapshot fetch rejects with ERR_RAFT_UNREACHABLE if the link is lost',
    endingNormallyAt('ERR_RAFT_UNREACHABLE'),
  ),
  faultyFetch(
    'ends a fetch normally when the source fails',
    'a snapshot fetch rejects with ERR_RAFT_UNREACHABLE if the source fails',
    endingNormallyAt('ERR_RAFT_UNREACHABLE'),
  ),
  faultyFetch(
    'adds bytes after the source failed',
    'a snapshot fetch yields all chunks before its source failed, so that another fetch can resume',
    (correct) =>
      async function* (from, id, offset, signal) {
        try {
          yield* correct.fetchSnapshot(from, id, offset, signal)
        } catch (error) {
          yield Uint8Array.of(1)
          throw error
        }
      },
  ),
  faulty(
    'asks its host only once per peer for admission',
    'a snapshot fetch rejects with the code of the refusal if the node is not admitted',
    () => ({
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
    }),
  ),
  faultyFetch(
    'ends a fetch from an unreachable peer normally',
    'a snapshot fetch rejects with ERR_RAFT_UNREACHABLE if the peer is unreachable',
    (correct) =>
      async function* (from, id, offset, signal) {
        yield new Uint8Array(0)
        yield* endingNormallyAt('ERR_RAFT_UNREACHABLE')(correct)(from, id, offset, signal)
      },
  ),
  faultyFetch(
    'ends a fetch normally when it is closed',
    'a transport ends pending fetches with ERR_RAFT_CLOSED when it closes',
    endingNormallyAt('ERR_RAFT_CLOSED'),
  ),
  faulty(
    'does not end the iterator of a snapshot source',
    'a transport stops reading the snapshots it sends when it closes',
    () => ({
      host: (host) => ({
        readSnapshot: (id, offset) => {
          const source = host.readSnapshot(id, offset)[Symbol.asyncIterator]()
          return { [Symbol.asyncIterator]: () => ({ next: () => source.next() }) }
        },
      }),
    }),
  ),
  faultyFetch(
    'throws an error that is not a RaftError',
    'a snapshot fetch rejects with ERR_RAFT_SNAPSHOT_GONE if the peer does not have the snapshot',
    (correct) =>
      async function* (from, id, offset, signal) {
        try {
          yield* correct.fetchSnapshot(from, id, offset, signal)
        } catch (error) {
          throw isRaftError(error, 'ERR_RAFT_SNAPSHOT_GONE') ? new Error(error.message) : error
        }
      },
  ),
]

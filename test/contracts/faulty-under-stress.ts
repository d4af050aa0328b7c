/** Transports with one defect each in the handling of stalled peers, large messages and invalid bytes. */
import type { PeerMessage } from '../../src/contracts/transport.ts'
import { messageBytes } from '../../src/contracts/transport.ts'
import type { FaultyTransport } from './faulty-transport.ts'
import { damaged, faulty } from './faulty-transport.ts'

const STALLED = 'a stalled peer'
const BOUNDED_CHECK = `${STALLED} receives at most its window plus buffers: the rest is rejected by send() and not kept`
const MESSAGE_BYTES_MAX = 6 * 1024 * 1024

const FAULTY_AT_STALLS: readonly FaultyTransport[] = [
  faulty(
    'queues without limit for a stalled peer',
    BOUNDED_CHECK,
    () => ({}),
    () => ({ queueBytes: Number.POSITIVE_INFINITY }),
  ),
  faulty('keeps a copy of dropped messages', BOUNDED_CHECK, ({ correct }) => {
    const kept: Uint8Array[] = []
    return {
      transport: {
        send: (to, message) => {
          const isAccepted = correct.send(to, message)
          if (!isAccepted && message.type === 'AppendEntriesRequest')
            for (const { bytes } of message.blocks) kept.push(Buffer.alloc(bytes.length, 1))
          return isAccepted
        },
      },
    }
  }),
  faulty(
    'never sends again to a peer whose window was full',
    `${STALLED} receives accepted messages in order, once each and intact, after it resumes`,
    ({ correct }) => {
      const full = new Set<string>()
      return {
        transport: {
          send: (to, message) => {
            if (!full.has(to) && correct.send(to, message)) return true
            full.add(to)
            return false
          },
        },
      }
    },
  ),
  faulty(
    'sends a message again',
    `${STALLED} receives accepted messages in order, once each and intact, after it resumes`,
    () => ({
      host: (host) => {
        let first: PeerMessage | undefined
        return {
          receive: (from, message) => {
            host.receive(from, message)
            first ??= message
            if (first !== message) host.receive(from, first)
          },
        }
      },
    }),
  ),
  faulty('shares one window among all peers', `${STALLED} does not delay other peers`, ({ correct }) => {
    let isFull = false
    return {
      transport: {
        send: (to, message) => {
          const isAccepted = !isFull && correct.send(to, message)
          isFull = !isAccepted
          return isAccepted
        },
      },
    }
  }),
  faulty('waits for a stalled peer in close()', `${STALLED} does not delay close()`, ({ correct }) => {
    let isFull = false
    return {
      transport: {
        send: (to, message) => {
          isFull = !correct.send(to, message)
          return !isFull
        },
        close: () => (isFull ? new Promise(() => undefined) : correct.close()),
      },
    }
  }),
]

const FAULTY_AT_BYTES: readonly FaultyTransport[] = [
  faulty(
    'counts message sizes differently',
    'the largest message arrives intact',
    ({ correct }) => ({
      transport: { send: (to, message) => messageBytes(message) < MESSAGE_BYTES_MAX && correct.send(to, message) },
    }),
    () => ({ messageBytesMax: MESSAGE_BYTES_MAX }),
  ),
  faulty(
    'accepts messages above the size limit',
    'the largest message is the limit: a larger one is rejected and affects neither the link nor later messages',
    ({ correct }) => ({
      transport: { send: (to, message) => messageBytes(message) > MESSAGE_BYTES_MAX || correct.send(to, message) },
    }),
    () => ({ messageBytesMax: MESSAGE_BYTES_MAX }),
  ),
  faulty(
    'delivers messages without a handshake',
    'invalid bytes on a new connection reach no host and break no link',
    () => ({}),
    (hosts) => ({
      sendRaw: async (to) => hosts.get(to)?.receive('other', { type: 'TimeoutNow', term: 1 }),
    }),
  ),
  faulty(
    'closes every link when there are many connections',
    'invalid bytes on many short connections do not affect the links to peers',
    () => ({}),
    (hosts) => {
      let connections = 0
      return {
        sendRaw: async (to) => {
          if (++connections === 50) hosts.get(to)?.peerLost('a', 'too many connections')
        },
      }
    },
  ),
  faulty(
    'delivers injected bytes as a message',
    'injected bytes are never delivered as a message: at most the link is lost and reconnects',
    () => ({}),
    (hosts) => ({
      inject: (from, to) => hosts.get(to)?.receive(from, { type: 'ReadIndexRequest', term: 1, read: 2 ** 40 }),
    }),
  ),
]

const DAMAGED_SNAPSHOT =
  'injected bytes never change a fetched snapshot: the fetch rejects, or its bytes are found to be damaged, and the next one succeeds'

const FAULTY_AT_BITS: readonly FaultyTransport[] = [
  faulty(
    'ignores checksums',
    'injected bytes never change a delivered block',
    () => ({ host: (host) => ({ receive: (from, message) => host.receive(from, damaged(message)) }) }),
    () => ({ corrupt: () => undefined }),
  ),
  faulty(
    'damages every snapshot',
    DAMAGED_SNAPSHOT,
    ({ correct }) => ({
      transport: { fetchSnapshot: (...from) => flipFirstBit(correct.fetchSnapshot(...from)) },
    }),
    () => ({ corrupt: () => undefined }),
  ),
  faulty(
    'reports a damaged snapshot with an error of its own',
    DAMAGED_SNAPSHOT,
    ({ correct }) => {
      let isFirst = true
      return {
        transport: {
          fetchSnapshot: (...from) => {
            if (!isFirst) return correct.fetchSnapshot(...from)
            isFirst = false
            throw new Error('bad frame')
          },
        },
      }
    },
    () => ({ corrupt: () => undefined }),
  ),
]

async function* flipFirstBit(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const [first = 0, ...rest] of chunks) yield Uint8Array.of(first ^ 1, ...rest)
}

export const FAULTY_UNDER_STRESS: readonly FaultyTransport[] = [
  ...FAULTY_AT_STALLS,
  ...FAULTY_AT_BYTES,
  ...FAULTY_AT_BITS,
]

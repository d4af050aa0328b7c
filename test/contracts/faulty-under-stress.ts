/** Transports that are bad with peers that stall, messages that are too large, and bytes from strangers, in one way each. */
import type { PeerMessage } from '../../src/contracts/transport.ts'
import { messageBytes } from '../../src/contracts/transport.ts'
import type { FaultyTransport } from './faulty-transport.ts'
import { damaged, faulty } from './faulty-transport.ts'

const STALLED = 'a stalled peer'
const BOUNDED_CHECK = `${STALLED} is sent no more than its window and what lies in buffers: the rest is dropped, said so, and not kept`
const MESSAGE_BYTES_MAX = 6 * 1024 * 1024

const FAULTY_AT_STALLS: readonly FaultyTransport[] = [
  faulty(
    'queues whatever it is given, for whom it cannot reach too',
    BOUNDED_CHECK,
    () => ({}),
    () => ({ queueBytes: Number.POSITIVE_INFINITY }),
  ),
  faulty('keeps a copy of what it drops', BOUNDED_CHECK, ({ good }) => {
    const kept: Uint8Array[] = []
    return {
      transport: {
        send: (to, message) => {
          const isTaken = good.send(to, message)
          if (!isTaken && message.type === 'AppendEntriesRequest')
            for (const { bytes } of message.blocks) kept.push(Buffer.alloc(bytes.length, 1))
          return isTaken
        },
      },
    }
  }),
  faulty(
    'gives up a peer that did not take something',
    `${STALLED} gets what was sent to it in order and unharmed once it takes again, and what is sent from then on`,
    ({ good }) => {
      const full = new Set<string>()
      return {
        transport: {
          send: (to, message) => {
            if (!full.has(to) && good.send(to, message)) return true
            full.add(to)
            return false
          },
        },
      }
    },
  ),
  faulty(
    'sends again what it does not know to have come',
    `${STALLED} gets what was sent to it in order and unharmed once it takes again, and what is sent from then on`,
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
  faulty('has one window for all', `${STALLED} holds up nobody else`, ({ good }) => {
    let isFull = false
    return {
      transport: {
        send: (to, message) => {
          const isTaken = !isFull && good.send(to, message)
          isFull = !isTaken
          return isTaken
        },
      },
    }
  }),
  faulty('closes when everything has been taken', `${STALLED} does not hold up the close`, ({ good }) => {
    let isFull = false
    return {
      transport: {
        send: (to, message) => {
          isFull = !good.send(to, message)
          return !isFull
        },
        close: () => (isFull ? new Promise(() => undefined) : good.close()),
      },
    }
  }),
]

const FAULTY_AT_BYTES: readonly FaultyTransport[] = [
  faulty(
    'counts otherwise than it is asked',
    'the largest message passes whole',
    ({ good }) => ({
      transport: { send: (to, message) => messageBytes(message) < MESSAGE_BYTES_MAX && good.send(to, message) },
    }),
    () => ({ messageBytesMax: MESSAGE_BYTES_MAX }),
  ),
  faulty(
    'cuts off what is too large',
    'the largest message is the largest: what is larger is not taken, and hurts neither the link nor what follows',
    ({ good }) => ({
      transport: { send: (to, message) => messageBytes(message) > MESSAGE_BYTES_MAX || good.send(to, message) },
    }),
    () => ({ messageBytesMax: MESSAGE_BYTES_MAX }),
  ),
  faulty(
    'takes anybody for a peer',
    'hostile bytes reach no host, and cost nobody a link, whatever they are',
    () => ({}),
    (hosts) => ({
      sendRaw: async (to) => hosts.get(to)?.receive('somebody', { type: 'TimeoutNow', term: 1 }),
    }),
  ),
  faulty(
    'hangs up on everybody when many come',
    'hostile bytes leave a node to its peers, however many connections come and go',
    () => ({}),
    (hosts) => {
      let came = 0
      return {
        sendRaw: async (to) => {
          if (++came === 50) hosts.get(to)?.peerLost('a', 'too many connections')
        },
      }
    },
  ),
  faulty(
    'reads whatever comes',
    'bytes in between are taken for no message: at most the link breaks, and comes back',
    () => ({}),
    (hosts) => ({
      inject: (from, to) => hosts.get(to)?.receive(from, { type: 'ReadIndexRequest', term: 1, read: 2 ** 40 }),
    }),
  ),
]

const FAULTY_AT_BITS: readonly FaultyTransport[] = [
  faulty(
    'reads no checksum',
    'bytes in between are not taken for those that were sent: a changed block is never delivered',
    () => ({ host: (host) => ({ receive: (from, message) => host.receive(from, damaged(message)) }) }),
    () => ({ corrupt: () => undefined }),
  ),
]

export const FAULTY_UNDER_STRESS: readonly FaultyTransport[] = [
  ...FAULTY_AT_STALLS,
  ...FAULTY_AT_BYTES,
  ...FAULTY_AT_BITS,
]

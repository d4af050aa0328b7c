/** Transports with one defect each. */
import { setImmediate as turn } from 'node:timers/promises'
import type { PeerMessage } from '../../src/contracts/transport.ts'
import { RaftError } from '../../src/errors.ts'
import { FAULTY_FETCHES } from './faulty-fetches.ts'
import type { FaultyTransport } from './faulty-transport.ts'
import { damaged, faulty } from './faulty-transport.ts'
import { FAULTY_UNDER_STRESS } from './faulty-under-stress.ts'

const FAULTY_MESSAGES: readonly FaultyTransport[] = [
  faulty('loses a field', 'messages of every type arrive as they were sent', () => ({
    host: (host) => ({
      receive: (from, message) =>
        host.receive(from, message.type === 'PreVoteResponse' ? { ...message, isRemoved: false } : message),
    }),
  })),
  faulty('delivers every message twice', 'messages of every type arrive as they were sent', () => ({
    host: (host) => ({
      receive: (from, message) => {
        host.receive(from, message)
        host.receive(from, message)
      },
    }),
  })),
  faulty('reverses the order of messages', 'messages arrive in order in each direction', () => ({
    host: (host) => {
      const held: PeerMessage[] = []
      return {
        receive: (from, message) => {
          if (held.push(message) > 1) return
          setImmediate(() => {
            for (const late of held.splice(0).reverse()) host.receive(from, late)
          })
        },
      }
    },
  })),
  faulty('changes a byte of a large message', 'messages of several megabytes arrive intact', () => ({
    host: (host) => ({ receive: (from, message) => host.receive(from, damaged(message)) }),
  })),
  faulty('delivers inside send()', 'messages are not delivered inside send()', ({ hosts }) => ({
    transport: {
      send: (to, message) => {
        hosts.get(to)?.receive('a', message)
        return true
      },
    },
  })),
  faulty(
    'has no window',
    'messages beyond the window are dropped until it has space again, and send() returns false',
    () => ({}),
    () => ({ queueBytes: Number.POSITIVE_INFINITY }),
  ),
  faulty(
    'returns true for dropped messages',
    'messages beyond the window are dropped until it has space again, and send() returns false',
    ({ correct }) => ({
      transport: {
        send: (to, message) => {
          correct.send(to, message)
          return true
        },
      },
    }),
  ),
  faulty(
    'rejects messages larger than its window',
    'messages larger than the window are accepted if nothing else is queued',
    ({ correct }) => ({
      transport: { send: (to, message) => bytesOf(message) < 1024 * 1024 && correct.send(to, message) },
    }),
  ),
  faulty(
    'does not count small messages',
    'messages are limited by the window even if they are small',
    () => ({}),
    () => ({ queueBytes: Number.POSITIVE_INFINITY }),
  ),
  faulty('accepts messages to an unknown node', 'messages to an unknown node are dropped', ({ correct }) => ({
    transport: { send: (to, message) => correct.send(to, message) || to === 'unknown' },
  })),
  faulty('delivers to the wrong node', 'messages to an unknown node are dropped', ({ correct }) => ({
    transport: { send: (_, message) => correct.send('b', message) },
  })),
]

const FAULTY_LINKS: readonly FaultyTransport[] = [
  faulty('reports a connection to the wrong node', 'links are reported as connected on both ends', () => ({
    host: (host) => ({
      peerConnected: (peer) => {
        host.peerConnected('x')
        host.peerConnected(peer)
      },
    }),
  })),
  faulty(
    'gives up after a failed first attempt',
    'links are established after a failed first attempt, whichever end starts first',
    () => ({
      host: (host) => {
        const tried = new Set<string>()
        return {
          refusedBy: (peer, refusal) => {
            tried.add(peer)
            host.refusedBy(peer, refusal)
          },
          admit: (peer) => (tried.has(peer.nodeId) ? { code: 'ERR_RAFT_REMOVED', message: 'no' } : host.admit(peer)),
        }
      },
    }),
  ),
  faulty(
    'sends only to peers with a known address',
    'links carry messages to a peer without a known address',
    ({ correct }) => {
      let peers: ReadonlyMap<string, string> = new Map()
      return {
        transport: {
          setPeers: (addresses) => {
            peers = addresses
            correct.setPeers(addresses)
          },
          send: (to, message) => peers.has(to) && correct.send(to, message),
        },
      }
    },
  ),
  faulty('does not report a lost link', 'links report a loss, drop messages while lost, and reconnect', () => ({
    host: () => ({ peerLost: () => undefined }),
  })),
  faulty(
    'accepts messages while the link is lost',
    'links report a loss, drop messages while lost, and reconnect',
    ({ correct }) => ({
      transport: { send: (to, message) => correct.send(to, message) || to.length > 0 },
    }),
  ),
  faulty('never reconnects to a lost peer', 'links reconnect to a restarted peer', () => ({
    host: (host) => {
      const lost = new Set<string>()
      return {
        peerLost: (peer, reason) => {
          lost.add(peer)
          host.peerLost(peer, reason)
        },
        admit: (peer) => (lost.has(peer.nodeId) ? { code: 'ERR_RAFT_REMOVED', message: 'no' } : host.admit(peer)),
      }
    },
  })),
  faulty('keeps removed peers', 'links close when a node is removed from the peers', ({ correct }) => {
    const peers = new Map<string, string>()
    return {
      transport: {
        setPeers: (addresses) => {
          for (const [peer, address] of addresses) peers.set(peer, address)
          correct.setPeers(peers)
        },
      },
    }
  }),
]

const FAULTY_ADMISSION: readonly FaultyTransport[] = [
  faulty(
    'omits the directory id from the identity',
    'admission shows each end the identity of the other before any message',
    () => ({
      host: (host) => ({ admit: (peer) => host.admit({ ...peer, directoryId: '' }) }),
    }),
  ),
  faulty(
    'omits the boots from the identity',
    'admission shows each end the identity of the other before any message',
    () => ({
      host: (host) => ({ admit: ({ boot: _, ...peer }) => host.admit(peer) }),
    }),
  ),
  faulty(
    'does not report a rejection',
    [
      'admission reports the reason to the rejected node if the called end rejects',
      'admission reports the reason to the rejected node if the calling end rejects',
    ],
    () => ({ host: () => ({ refusedBy: () => undefined }) }),
  ),
  faulty(
    'admits every peer',
    [
      'admission reports the reason to the rejected node if the called end rejects',
      'admission reports the reason to the rejected node if the calling end rejects',
    ],
    () => ({ host: () => ({ admit: () => undefined }) }),
  ),
  faulty(
    'accepts any node at the address of a peer',
    'admission refuses a different node at the address of a peer with ERR_RAFT_NODE_MISMATCH',
    ({ correct }) => ({
      transport: { setPeers: (addresses) => correct.setPeers(new Map([...addresses.values()].map((at) => [at, at]))) },
    }),
  ),
]

const FAULTY_CLOSES: readonly FaultyTransport[] = [
  faulty(
    'cannot be closed twice',
    'a transport can be closed before it is started, and twice: a later start rejects with ERR_RAFT_CLOSED',
    ({ correct }) => {
      let closes = 0
      return {
        transport: {
          close: async () => {
            if (closes++ > 0) throw new RaftError('ERR_RAFT_CLOSED', 'already closed')
            await correct.close()
          },
        },
      }
    },
  ),
  faulty(
    'hangs in close()',
    'a transport can be closed before it is started, and twice: a later start rejects with ERR_RAFT_CLOSED',
    () => ({
      transport: { close: () => new Promise(() => undefined) },
    }),
  ),
  faulty('throws before the start', 'a transport sends nothing before it is started', () => ({
    transport: {
      send: () => {
        throw new Error('not started')
      },
    },
  })),
  faulty(
    'throws an error that is not a RaftError from start()',
    'a transport can be closed while it starts',
    ({ correct }) => ({
      transport: {
        start: async (host) => {
          await turn()
          await correct.start(host).catch(() => Promise.reject(new TypeError('no socket')))
        },
      },
    }),
  ),
  faulty(
    'reports a lost link after it is closed',
    [
      'a transport can be closed while it connects',
      'a transport can be closed while it retries a connection',
      'a transport can be closed after a rejection, and stops retrying',
      'a transport can be closed inside any call to its host',
    ],
    ({ correct, hosts }) => ({
      transport: {
        close: async () => {
          await correct.close()
          setImmediate(() => {
            for (const host of hosts.values()) host.peerLost('b', 'closed')
          })
        },
      },
    }),
  ),
  faulty(
    'delivers after the close',
    'a transport makes no call to its host after it is closed, whatever is pending',
    () => ({
      host: (host) => ({ receive: (from, message) => void setImmediate(() => host.receive(from, message)) }),
    }),
  ),
]

export const FAULTY_TRANSPORTS: readonly FaultyTransport[] = [
  ...FAULTY_MESSAGES,
  ...FAULTY_LINKS,
  ...FAULTY_ADMISSION,
  ...FAULTY_UNDER_STRESS,
  ...FAULTY_FETCHES,
  ...FAULTY_CLOSES,
]

function bytesOf(message: PeerMessage): number {
  return message.type === 'AppendEntriesRequest' ? message.blocks.reduce((sum, { size }) => sum + size, 0) : 0
}

/** Transports that are bad in one way each. */
import { setImmediate as turn } from 'node:timers/promises'
import type { PeerMessage } from '../../src/contracts/transport.ts'
import { RaftError } from '../../src/errors.ts'
import { FAULTY_FETCHES } from './faulty-fetches.ts'
import type { FaultyTransport } from './faulty-transport.ts'
import { damaged, faulty } from './faulty-transport.ts'
import { FAULTY_UNDER_STRESS } from './faulty-under-stress.ts'

const FAULTY_MESSAGES: readonly FaultyTransport[] = [
  faulty('loses a field', 'messages delivers each kind of message as it was sent', () => ({
    host: (host) => ({
      receive: (from, message) =>
        host.receive(from, message.type === 'PreVoteResponse' ? { ...message, isRemoved: false } : message),
    }),
  })),
  faulty('says everything twice', 'messages delivers each kind of message as it was sent', () => ({
    host: (host) => ({
      receive: (from, message) => {
        host.receive(from, message)
        host.receive(from, message)
      },
    }),
  })),
  faulty('turns the order around', 'messages keeps the order of each direction', () => ({
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
  faulty('changes a byte far inside', 'messages carries a message of megabytes unharmed', () => ({
    host: (host) => ({ receive: (from, message) => host.receive(from, damaged(message)) }),
  })),
  faulty('delivers at once', 'messages delivers nothing inside send', ({ hosts }) => ({
    transport: {
      send: (to, message) => {
        hosts.get(to)?.receive('a', message)
        return true
      },
    },
  })),
  faulty(
    'queues whatever it is given',
    'messages takes no more than its window of bytes, drops the rest and says so, then takes again',
    () => ({}),
    () => ({ queueBytes: Number.POSITIVE_INFINITY }),
  ),
  faulty(
    'drops without saying so',
    'messages takes no more than its window of bytes, drops the rest and says so, then takes again',
    ({ good }) => ({
      transport: {
        send: (to, message) => {
          good.send(to, message)
          return true
        },
      },
    }),
  ),
  faulty(
    'takes nothing larger than its window',
    'messages takes one message that is larger than its window, alone',
    ({ good }) => ({
      transport: { send: (to, message) => bytesOf(message) < 1024 * 1024 && good.send(to, message) },
    }),
  ),
  faulty(
    'does not count what is small',
    'messages bounds small messages too',
    () => ({}),
    () => ({ queueBytes: Number.POSITIVE_INFINITY }),
  ),
  faulty('takes what is for nobody', 'messages drops what is for a stranger', ({ good }) => ({
    transport: { send: (to, message) => good.send(to, message) || to === 'nobody' },
  })),
  faulty('delivers to the wrong one', 'messages drops what is for a stranger', ({ good }) => ({
    transport: { send: (_, message) => good.send('b', message) },
  })),
]

const FAULTY_LINKS: readonly FaultyTransport[] = [
  faulty('does not know whom it is connected to', 'links says whom it is connected to, on both ends', () => ({
    host: (host) => ({
      peerConnected: (peer) => {
        host.peerConnected('x')
        host.peerConnected(peer)
      },
    }),
  })),
  faulty(
    'gives up after a first vain attempt',
    'links connects whichever end is there first, and after a first attempt in vain',
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
    'talks only to those whose address it was given',
    'links answers a peer whose address it does not know',
    ({ good }) => {
      let peers: ReadonlyMap<string, string> = new Map()
      return {
        transport: {
          setPeers: (addresses) => {
            peers = addresses
            good.setPeers(addresses)
          },
          send: (to, message) => peers.has(to) && good.send(to, message),
        },
      }
    },
  ),
  faulty('keeps a loss to itself', 'links tells of a lost link, drops meanwhile, and comes back by itself', () => ({
    host: () => ({ peerLost: () => undefined }),
  })),
  faulty(
    'keeps for later what it cannot send',
    'links tells of a lost link, drops meanwhile, and comes back by itself',
    ({ good }) => ({
      transport: { send: (to, message) => good.send(to, message) || to.length > 0 },
    }),
  ),
  faulty('never comes back to whom it lost', 'links comes back to a peer that was closed and started again', () => ({
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
  faulty('keeps every peer it ever had', 'links closes the link to who is no peer any more', ({ good }) => {
    const peers = new Map<string, string>()
    return {
      transport: {
        setPeers: (addresses) => {
          for (const [peer, address] of addresses) peers.set(peer, address)
          good.setPeers(peers)
        },
      },
    }
  }),
]

const FAULTY_ADMISSION: readonly FaultyTransport[] = [
  faulty(
    'shows half an identity',
    'admission shows each end the identity of the other before anything is delivered',
    () => ({
      host: (host) => ({ admit: (peer) => host.admit({ ...peer, directoryId: '' }) }),
    }),
  ),
  faulty(
    'keeps a refusal to itself',
    [
      'admission tells who was turned away why, when it is the called end that refuses',
      'admission tells who was turned away why, when it is the calling end that refuses',
    ],
    () => ({ host: () => ({ refusedBy: () => undefined }) }),
  ),
  faulty(
    'lets everybody in',
    [
      'admission tells who was turned away why, when it is the called end that refuses',
      'admission tells who was turned away why, when it is the calling end that refuses',
    ],
    () => ({ host: () => ({ admit: () => undefined }) }),
  ),
  faulty(
    'takes whoever answers for the one it looks for',
    'admission does not take another node behind an address for the one it looks for',
    ({ good }) => ({
      transport: { setPeers: (addresses) => good.setPeers(new Map([...addresses.values()].map((at) => [at, at]))) },
    }),
  ),
]

const FAULTY_CLOSES: readonly FaultyTransport[] = [
  faulty('cannot be closed twice', 'closing closes before it was started, and twice', ({ good }) => {
    let closes = 0
    return {
      transport: {
        close: async () => {
          if (closes++ > 0) throw new RaftError('ERR_RAFT_CLOSED', 'closed already')
          await good.close()
        },
      },
    }
  }),
  faulty('hangs at close', 'closing closes before it was started, and twice', () => ({
    transport: { close: () => new Promise(() => undefined) },
  })),
  faulty('throws before the start', 'closing does nothing before the start', () => ({
    transport: {
      send: () => {
        throw new Error('not started')
      },
    },
  })),
  faulty('throws something of its own', 'closing closes while it starts', ({ good }) => ({
    transport: {
      start: async (host) => {
        await turn()
        await good.start(host).catch(() => Promise.reject(new TypeError('no socket')))
      },
    },
  })),
  faulty(
    'tells of the loss after the close',
    [
      'closing closes while it connects',
      'closing closes while it tries in vain to connect again',
      'closing closes after it was refused, and asks no more',
      'closing closes from within whatever it tells its host',
    ],
    ({ good, hosts }) => ({
      transport: {
        close: async () => {
          await good.close()
          setImmediate(() => {
            for (const host of hosts.values()) host.peerLost('b', 'closed')
          })
        },
      },
    }),
  ),
  faulty(
    'delivers after the close',
    'closing tells its host nothing once it is closed, however much is under way',
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

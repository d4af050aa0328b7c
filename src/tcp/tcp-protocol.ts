/** The TCP peer protocol: connects to peers, and takes the connections of peers that connect with it. */
import type { Socket } from 'node:net'
import type { Refusal } from '../contracts/transport.ts'
import { makeRefusal } from '../peer-link/handshake.ts'
import type { PeerLinkLimits } from '../peer-link/limits.ts'
import type { PeerCall, PeerConnector, PeerProtocol, SnapshotFetch } from '../peer-link/peer-call.ts'
import type { PeerNetwork } from '../peer-link/peer-network.ts'
import { toPrintable } from '../peer-link/wire-fields.ts'
import { connectSocket } from './connect-socket.ts'
import { LINK_PREFACE, SNAPSHOT_PREFACE } from './frame-format.ts'
import { FrameSocket } from './frame-socket.ts'
import { TcpCall } from './tcp-call.ts'
import { TcpSnapshotCall } from './tcp-snapshot-call.ts'
import { fetchSnapshot } from './tcp-snapshot-fetch.ts'

export class TcpProtocol implements PeerProtocol {
  readonly #limits: PeerLinkLimits
  readonly #sockets = new Set<Socket>()

  constructor(limits: PeerLinkLimits) {
    this.#limits = limits
  }

  connector(): PeerConnector {
    return {
      open: (address, signal) => this.#open(address, signal),
      isConnecting: false,
      reset: () => undefined,
    }
  }

  fetchSnapshot(fetch: SnapshotFetch): AsyncIterable<Uint8Array> {
    const { handshakeTimeoutMs } = this.#limits
    return fetchSnapshot({
      ...fetch,
      handshakeTimeoutMs,
      connect: async () => {
        const socket = this.#dialled(
          await connectSocket(fetch.address, handshakeTimeoutMs, fetch.signal),
          SNAPSHOT_PREFACE,
        )
        socket.frameBytesMax = FETCH_FRAME_BYTES_MAX
        return socket
      },
      foreignReason: (bytes) => foreignRefusal(fetch.address, bytes).message,
    })
  }

  /** Takes a connection that begins with this preface; returns false if it is not one of this protocol. */
  accept(socket: Socket, preface: string, network: PeerNetwork, onGreeted: () => void): boolean {
    const limits = this.#limits
    if (preface !== LINK_PREFACE && preface !== SNAPSHOT_PREFACE) return false
    const frames = new FrameSocket(this.#track(socket), limits, undefined)
    socket.write(preface)
    if (preface === LINK_PREFACE) network.accept(new TcpCall(frames, limits, () => NEVER_FOREIGN), onGreeted)
    else new TcpSnapshotCall(frames, limits.handshakeTimeoutMs, (call) => network.serveSnapshot(call, onGreeted))
    return true
  }

  /** Closes every connection, also those that linger. */
  close(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async #open(address: string, signal: AbortSignal): Promise<PeerCall> {
    const socket = await connectSocket(address, this.#limits.handshakeTimeoutMs, signal)
    return new TcpCall(this.#dialled(socket, LINK_PREFACE), this.#limits, (bytes) => foreignRefusal(address, bytes))
  }

  #dialled(socket: Socket, preface: string): FrameSocket {
    const frames = new FrameSocket(this.#track(socket), this.#limits, preface)
    socket.write(preface)
    return frames
  }

  #track(socket: Socket): Socket {
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    return socket
  }
}

/** The chunks of another node may be larger than those of this one. */
const FETCH_FRAME_BYTES_MAX = 64 * 1024 * 1024

/** The preface of an accepted connection was read before. */
const NEVER_FOREIGN: Refusal = makeRefusal('ERR_RAFT_INTERNAL', 'a preface was read twice')

/** What answers at the address is not this protocol: an earlier version, GrpcTransport, or another program. */
function foreignRefusal(address: string, bytes: Buffer): Refusal {
  const begin = toPrintable(bytes.toString('latin1', 0, 40))
  // An HTTP/2 server first sends a SETTINGS frame: its type is the fourth byte.
  const found = bytes.length > 3 && bytes[3] === 4 ? 'gRPC only' : `something else, which begins with '${begin}'`
  return makeRefusal(
    'ERR_RAFT_PROTOCOL',
    `${address} does not speak the TCP peer protocol but ${found}; upgrade the node there, or start this one with peerTransport 'grpc'`,
  )
}

/** The TCP peer protocol: connects to peers, and takes the connections of peers that connect with it. */
import type { Socket } from 'node:net'
import type { Caller } from '../access/caller.ts'
import type { Refusal } from '../contracts/transport.ts'
import { connectSocket } from '../peer-link/connect-socket.ts'
import { untrustedSourceError } from '../peer-link/fetch-errors.ts'
import { makeRefusal } from '../peer-link/handshake.ts'
import type { PeerLinkLimits } from '../peer-link/limits.ts'
import type { PeerCall, PeerConnector, SnapshotFetch } from '../peer-link/peer-call.ts'
import type { PeerNetwork } from '../peer-link/peer-network.ts'
import { ReceiveBuffer } from '../peer-link/receive-buffer.ts'
import type { SharedSecret } from '../peer-link/secret-tls.ts'
import type { PortProtocol } from '../peer-link/shared-port.ts'
import { callerOf } from '../peer-link/tls.ts'
import type { TlsOptions } from '../peer-link/tls-options.ts'
import { toPrintable } from '../peer-link/wire-fields.ts'
import { encodeRefusal } from './control-frames.ts'
import { LINK_PREFACE, PREFACE_BYTES, SNAPSHOT_PREFACE } from './frame-format.ts'
import { FrameSocket } from './frame-socket.ts'
import type { DialRefusals } from './tcp-call.ts'
import { TcpCall } from './tcp-call.ts'
import { TcpSnapshotCall } from './tcp-snapshot-call.ts'
import { fetchSnapshot } from './tcp-snapshot-fetch.ts'

export class TcpProtocol implements PortProtocol {
  readonly name: string = 'tcp'
  readonly prefaceBytes: number = PREFACE_BYTES
  readonly #limits: PeerLinkLimits
  readonly #tls: TlsOptions | SharedSecret | undefined
  readonly #sockets = new Set<Socket>()

  /** `tls` is for the connections that this node opens; those that it accepts are secure already. */
  constructor(limits: PeerLinkLimits, tls: TlsOptions | SharedSecret | undefined) {
    this.#limits = limits
    this.#tls = tls
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
        const received = this.#receiveBuffer()
        const connection = await this.#connect(fetch.address, fetch.signal, received)
        const refusal = fetch.sourceRefusal(callerOf(connection))
        if (refusal !== undefined) {
          connection.destroy()
          throw untrustedSourceError(fetch, refusal)
        }
        const socket = this.#dialled(connection, SNAPSHOT_PREFACE, received)
        socket.frameBytesMax = FETCH_FRAME_BYTES_MAX
        return socket
      },
      foreignReason: (bytes) => foreignRefusal(fetch.address, bytes).message,
    })
  }

  accept(socket: Socket, caller: Caller, bytes: Buffer, network: PeerNetwork, onGreeted: () => void): boolean {
    const limits = this.#limits
    const preface = prefaceOf(bytes)
    if (preface === undefined) return false
    const frames = new FrameSocket(this.#track(socket), limits)
    socket.write(preface)
    if (preface === LINK_PREFACE) network.accept(new TcpCall(frames, caller, limits, ACCEPTED), onGreeted)
    else
      new TcpSnapshotCall(frames, caller, limits.handshakeTimeoutMs, (call) => network.serveSnapshot(call, onGreeted))
    return true
  }

  refusePlain(socket: Socket, bytes: Buffer): boolean {
    const preface = prefaceOf(bytes)
    if (preface === undefined) return false
    const frames = new FrameSocket(this.#track(socket), this.#limits)
    const message =
      'this port takes only connections with TLS or the cluster secret: start the node that connects with it too'
    socket.write(preface)
    frames.write(encodeRefusal({ code: 'ERR_RAFT_PROTOCOL', message }))
    frames.end(message, false)
    return true
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async #open(address: string, signal: AbortSignal): Promise<PeerCall> {
    const received = this.#receiveBuffer()
    const socket = await this.#connect(address, signal, received)
    return new TcpCall(this.#dialled(socket, LINK_PREFACE, received), callerOf(socket), this.#limits, {
      foreign: (bytes) => foreignRefusal(address, bytes),
      unanswered: (reason) => (this.#tls === undefined ? undefined : untrustedRefusal(address, reason)),
    })
  }

  /** None with TLS, which decrypts into memory of its own. */
  #receiveBuffer(): ReceiveBuffer | undefined {
    return this.#tls === undefined ? new ReceiveBuffer() : undefined
  }

  #connect(address: string, signal: AbortSignal, received: ReceiveBuffer | undefined): Promise<Socket> {
    return connectSocket({ address, timeoutMs: this.#limits.handshakeTimeoutMs, tls: this.#tls, signal, received })
  }

  #dialled(socket: Socket, preface: string, received: ReceiveBuffer | undefined): FrameSocket {
    const frames = new FrameSocket(this.#track(socket), this.#limits, { preface, received })
    socket.write(preface)
    return frames
  }

  #track(socket: Socket): Socket {
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    return socket
  }
}

function prefaceOf(bytes: Buffer): string | undefined {
  const preface = bytes.toString('latin1')
  return preface === LINK_PREFACE || preface === SNAPSHOT_PREFACE ? preface : undefined
}

/** The chunks of another node may be larger than those of this one. */
const FETCH_FRAME_BYTES_MAX = 64 * 1024 * 1024

/** The preface of an accepted connection was read before. */
const ACCEPTED: DialRefusals = {
  foreign: () => makeRefusal('ERR_RAFT_INTERNAL', 'a preface was read twice'),
  unanswered: () => undefined,
}

/** After a TLS handshake, a node ends the connection of a peer whose certificate it does not trust, without a word. */
function untrustedRefusal(address: string, reason: string): Refusal {
  return makeRefusal(
    'ERR_RAFT_PROTOCOL',
    `${address} ended the connection after the TLS handshake (${reason}): it may not trust the certificate of this node`,
  )
}

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

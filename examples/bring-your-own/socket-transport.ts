/** A transport over plain TCP sockets. Each node connects to each of its peers; of two connections, the older one is used. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { NodeId, PeerMessage, Transport, TransportHost } from 'quorate'
import { isRaftError, messageBytes, RaftError } from 'quorate'
import { decodePeerMessage, encodePeerMessage, refusalError, validateRefusal } from 'quorate/tcp'
import { readFrames, writeFrame, writeJson } from './frames.ts'
import { answer, type Frames, greet, nextFrame, parse } from './handshake.ts'
import { PeerLinks } from './peer-links.ts'
import { sendSnapshot } from './snapshot-sender.ts'

export interface SocketTransportOptions {
  /** 'host:port'; port 0 picks a free port. */
  readonly listen: string
  /** The most bytes that wait for one peer. */
  readonly windowBytes?: number
  readonly messageBytesMax?: number
  /** Between two attempts to connect to a peer. */
  readonly retryMs?: number
  readonly handshakeTimeoutMs?: number
}

interface Connection {
  readonly socket: Socket
  readonly frames: Frames
}

const DEFAULTS = { windowBytes: 4_194_304, messageBytesMax: 33_554_432, retryMs: 200, handshakeTimeoutMs: 5000 }
/** What an encoded message may have beyond `messageBytes`. */
const OVERHEAD_BYTES = 65_536

export class SocketTransport implements Transport {
  readonly name = 'sockets'
  readonly protection = 'none'
  readonly #options: Required<SocketTransportOptions>
  readonly #server = createServer((socket) => void this.#accept(socket))
  readonly #sockets = new Set<Socket>()
  readonly #dialers = new Map<NodeId, { readonly key: string; readonly stop: AbortController }>()
  #peers: ReadonlyMap<NodeId, readonly string[]> = new Map()
  #links = new PeerLinks(undefined)
  /** Undefined before `start` and after `close`. */
  #host: TransportHost | undefined
  #address: string
  #starting: Promise<void> | undefined
  #closing: Promise<void> | undefined

  constructor(options: SocketTransportOptions) {
    this.#options = { ...DEFAULTS, ...options }
    this.#address = options.listen
  }

  get address(): string {
    return this.#address
  }

  start(host: TransportHost): Promise<void> {
    this.#starting = this.#start(host)
    return this.#starting
  }

  setPeers(addresses: ReadonlyMap<NodeId, string>, alternatives?: ReadonlyMap<NodeId, readonly string[]>): void {
    const former = this.#peers
    this.#peers = new Map([...addresses].map(([id, address]) => [id, [address, ...(alternatives?.get(id) ?? [])]]))
    for (const id of former.keys()) if (!this.#peers.has(id)) this.#links.close(id)
    if (this.#server.listening && this.#host !== undefined) this.#dialAll()
  }

  send(to: NodeId, message: PeerMessage): boolean {
    const { windowBytes, messageBytesMax } = this.#options
    const link = this.#links.of(to)
    const size = messageBytes(message)
    if (link === undefined || size > messageBytesMax) return false
    if (link.queuedBytes > 0 && link.queuedBytes + size > windowBytes) return false
    link.queuedBytes += size
    writeFrame(link.socket, 'message', encodePeerMessage(message), () => {
      link.queuedBytes -= size
    })
    return true
  }

  async *fetchSnapshot(from: NodeId, id: string, offset: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    signal.throwIfAborted()
    const host = this.#host
    const address = this.#peers.get(from)?.[0]
    if (this.#closing !== undefined) throw closed()
    if (host === undefined || address === undefined) throw unreachable(from, 'it has no address')
    const connection = this.#connect(address, signal)
    const { socket, frames } = connection
    try {
      const refusal = await this.#inTime(socket, greet(connection, host, this.#call(from, address)))
      if (refusal !== undefined) throw refusalError(from, refusal)
      writeJson(socket, 'fetch', { id, offset })
      for (;;) {
        const { kind, body } = await nextFrame(frames)
        if (kind === 'gone') throw new RaftError('ERR_RAFT_SNAPSHOT_GONE', `${from} does not have snapshot ${id}`)
        if (kind !== 'chunk') return
        yield body
      }
    } catch (error) {
      signal.throwIfAborted()
      if (this.#host === undefined) throw closed()
      throw isRaftError(error) ? error : unreachable(from, error)
    } finally {
      socket.destroy()
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #start(host: TransportHost): Promise<void> {
    if (this.#closing !== undefined) throw closed()
    this.#host = host
    this.#links = new PeerLinks(host)
    const { hostname, port } = new URL(`tcp://${this.#options.listen}`)
    try {
      await once(this.#server.listen(Number(port), hostname), 'listening')
    } catch (cause) {
      const isInUse = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE'
      throw new RaftError(isInUse ? 'ERR_RAFT_PORT_IN_USE' : 'ERR_RAFT_LISTEN', `cannot listen: ${cause}`, { cause })
    }
    if (this.#closing !== undefined) throw closed()
    this.#address = `${hostname}:${(this.#server.address() as AddressInfo).port}`
    this.#dialAll()
  }

  async #close(): Promise<void> {
    this.#host = undefined
    this.#links.leave()
    for (const { stop } of this.#dialers.values()) stop.abort()
    for (const socket of this.#sockets) socket.destroy()
    await this.#starting?.catch(() => undefined)
    if (this.#server.listening) await once(this.#server.close(), 'close')
  }

  /** One dialer for each peer and its addresses. */
  #dialAll(): void {
    for (const [id, { key, stop }] of this.#dialers) {
      if (this.#peers.get(id)?.join() === key) continue
      stop.abort()
      this.#dialers.delete(id)
    }
    for (const [id, addresses] of this.#peers) {
      if (this.#dialers.has(id) || id === this.#host?.identity.nodeId) continue
      const stop = new AbortController()
      this.#dialers.set(id, { key: addresses.join(), stop })
      void this.#dial(id, addresses, stop.signal)
    }
  }

  async #dial(peer: NodeId, addresses: readonly string[], signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let hasAnswered = false
      for (const address of addresses) {
        if (!hasAnswered && !signal.aborted) hasAnswered = await this.#keepLink(peer, address, signal)
      }
      if (!hasAnswered && !signal.aborted) this.#host?.peerReached(peer, undefined)
      await pause(this.#options.retryMs, undefined, { signal }).catch(() => undefined)
    }
  }

  /** Resolves when the link has ended; to false if the peer has not answered. */
  async #keepLink(peer: NodeId, address: string, signal: AbortSignal): Promise<boolean> {
    const host = this.#host
    if (host === undefined) return false
    const connection = this.#connect(address, signal)
    let hasAnswered = false
    try {
      const refusal = await this.#inTime(connection.socket, greet(connection, host, this.#call(peer, address)))
      if (refusal === undefined) {
        hasAnswered = true
        writeFrame(connection.socket, 'ready')
        this.#host?.peerReached(peer, address)
        await this.#receive(peer, connection, true)
      } else this.#host?.refusedBy(peer, refusal)
    } catch {
      // The link has reported its loss. A peer that was not reached is called again.
    } finally {
      connection.socket.end().destroySoon()
    }
    return hasAnswered
  }

  async #accept(socket: Socket): Promise<void> {
    const connection = this.#track(socket)
    const { frames } = connection
    const host = this.#host
    const peers = this.#peers
    try {
      if (host === undefined) return
      const identity = await this.#inTime(socket, answer(connection, host, this.#address))
      if (identity === undefined) return
      const next = await this.#inTime(socket, nextFrame(frames))
      if (peers.has(identity.nodeId) && !this.#peers.has(identity.nodeId)) return
      if (next.kind === 'ready') await this.#receive(identity.nodeId, connection, false)
      else if (next.kind === 'refusal') this.#host?.refusedBy(identity.nodeId, validateRefusal(parse(next)))
      else if (next.kind === 'fetch') await sendSnapshot(socket, host, parse(next))
    } catch {
      // What is not a peer, or breaks the rules, is disconnected.
    } finally {
      socket.destroySoon()
    }
  }

  /** Delivers messages until the connection ends. */
  async #receive(peer: NodeId, { socket, frames }: Connection, isOwn: boolean): Promise<void> {
    const link = this.#links.add({ peer, socket, isOwn, queuedBytes: 0 })
    let reason = 'the peer has closed the connection'
    try {
      for await (const { kind, body } of frames) {
        if (kind !== 'message') throw new Error(`${kind} on a link`)
        this.#host?.receive(peer, decodePeerMessage(body, { bytesMax: this.#options.messageBytesMax }))
      }
    } catch (error) {
      reason = String(error)
    } finally {
      this.#links.remove(link, reason)
    }
  }

  #connect(address: string, signal: AbortSignal): Connection {
    const { hostname, port } = new URL(`tcp://${address}`)
    const socket = connect(Number(port), hostname)
    const stop = (): void => void socket.destroy()
    signal.addEventListener('abort', stop)
    socket.once('close', () => signal.removeEventListener('abort', stop))
    return this.#track(socket)
  }

  #track(socket: Socket): Connection {
    this.#sockets.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => undefined)
    socket.once('close', () => this.#sockets.delete(socket))
    return { socket, frames: readFrames(socket, this.#options.messageBytesMax + OVERHEAD_BYTES) }
  }

  #call(peer: NodeId, address: string): { peer: NodeId; address: string; ownAddress: string } {
    return { peer, address, ownAddress: this.#address }
  }

  async #inTime<Value>(socket: Socket, step: Promise<Value>): Promise<Value> {
    const timer = setTimeout(() => socket.destroy(), this.#options.handshakeTimeoutMs)
    try {
      return await step
    } finally {
      clearTimeout(timer)
    }
  }
}

function closed(): RaftError {
  return new RaftError('ERR_RAFT_CLOSED', 'the transport is closed')
}

function unreachable(peer: NodeId, cause: unknown): RaftError {
  return new RaftError('ERR_RAFT_UNREACHABLE', `cannot fetch a snapshot from ${peer}: ${cause}`, { cause })
}

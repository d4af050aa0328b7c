/** The connections on which this node exchanges messages: at most two with each peer, one from each end. */
import type { Socket } from 'node:net'
import type { NodeId, TransportHost } from 'quorate'

export interface Link {
  readonly peer: NodeId
  readonly socket: Socket
  /** Whether this node has connected. */
  readonly isOwn: boolean
  /** Accepted for the peer, and still in this process. */
  queuedBytes: number
}

export class PeerLinks {
  readonly #links = new Map<NodeId, readonly Link[]>()
  #host: TransportHost | undefined

  constructor(host: TransportHost | undefined) {
    this.#host = host
  }

  /** The link to send on: always the same while it lasts, so that messages stay in order. */
  of(peer: NodeId): Link | undefined {
    return this.#links.get(peer)?.[0]
  }

  /** A peer that connects again has lost its former connection. */
  add(link: Link): Link {
    for (const former of this.#links.get(link.peer) ?? [])
      if (former.isOwn === link.isOwn) this.remove(former, 'the peer has connected again')
    const others = this.#links.get(link.peer) ?? []
    this.#links.set(link.peer, [...others, link])
    if (others.length === 0) this.#host?.peerConnected(link.peer)
    return link
  }

  remove(link: Link, reason: string): void {
    link.socket.destroy()
    const links = this.#links.get(link.peer) ?? []
    const left = links.filter((each) => each !== link)
    if (left.length === links.length) return
    this.#links.set(link.peer, left)
    if (left.length > 0) return
    this.#links.delete(link.peer)
    this.#host?.peerLost(link.peer, reason)
  }

  close(peer: NodeId): void {
    for (const link of this.#links.get(peer) ?? []) this.remove(link, 'it is no longer a peer')
  }

  /** The host is no longer called. */
  leave(): void {
    this.#host = undefined
    this.#links.clear()
  }
}

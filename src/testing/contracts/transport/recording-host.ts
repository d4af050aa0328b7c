/** A transport's host that remembers what it is told, and lets a test wait for it. */
import type { PeerIdentity, PeerMessage, Refusal, TransportHost } from '../../../contracts/transport.ts'
import type { NodeId } from '../../../core/types.ts'

export type HostCall =
  | { readonly type: 'admit'; readonly peer: PeerIdentity }
  | { readonly type: 'receive'; readonly from: NodeId; readonly message: PeerMessage }
  | { readonly type: 'peerConnected'; readonly peer: NodeId }
  | { readonly type: 'peerLost'; readonly peer: NodeId; readonly reason: string }
  | { readonly type: 'refusedBy'; readonly peer: NodeId; readonly refusal: Refusal }

/** How long a test waits for what must come, unless it is told otherwise. */
export const TIMEOUT_MS_DEFAULT: number = 8000

export class RecordingHost implements TransportHost {
  readonly identity: PeerIdentity
  readonly calls: HostCall[] = []
  /** Whom to turn away, and why; anybody may be let in unless a test says otherwise. */
  rejectPeer: (peer: PeerIdentity) => Refusal | undefined = () => undefined
  /** What this node's snapshots hold. */
  snapshot: (id: string, offset: number) => AsyncIterable<Uint8Array> = () => {
    throw new Error('this host has no snapshots')
  }
  /** What else is done at each call, inside it. */
  onCall: (call: HostCall) => void = () => undefined
  readonly #timeoutMs: number
  readonly #waiting = new Set<() => void>()

  constructor(identity: PeerIdentity, timeoutMs: number = TIMEOUT_MS_DEFAULT) {
    this.identity = identity
    this.#timeoutMs = timeoutMs
  }

  admit(peer: PeerIdentity): Refusal | undefined {
    this.#record({ type: 'admit', peer })
    return this.rejectPeer(peer)
  }

  receive(from: NodeId, message: PeerMessage): void {
    this.#record({ type: 'receive', from, message })
  }

  peerConnected(peer: NodeId): void {
    this.#record({ type: 'peerConnected', peer })
  }

  peerLost(peer: NodeId, reason: string): void {
    this.#record({ type: 'peerLost', peer, reason })
  }

  refusedBy(peer: NodeId, refusal: Refusal): void {
    this.#record({ type: 'refusedBy', peer, refusal })
  }

  readSnapshot(id: string, offset: number): AsyncIterable<Uint8Array> {
    return this.snapshot(id, offset)
  }

  /** Every call of one type, in order. */
  callsOfType<Type extends HostCall['type']>(type: Type): Extract<HostCall, { type: Type }>[] {
    return this.calls.filter((call): call is Extract<HostCall, { type: Type }> => call.type === type)
  }

  /** The messages that came, from whomever. */
  get received(): PeerMessage[] {
    return this.callsOfType('receive').map(({ message }) => message)
  }

  isConnected(peer: NodeId): boolean {
    const last = this.calls.findLast(
      (call) => (call.type === 'peerConnected' || call.type === 'peerLost') && call.peer === peer,
    )
    return last?.type === 'peerConnected'
  }

  /** Resolves as soon as `isSo`, looked at after every call; rejects, naming what was awaited, after a while. */
  until(what: string, isSo: () => boolean): Promise<void> {
    if (isSo()) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (!isSo()) return
        clearTimeout(timeout)
        this.#waiting.delete(look)
        resolve()
      }
      const timeout = setTimeout(() => {
        this.#waiting.delete(look)
        reject(new Error(`${this.identity.nodeId} waited in vain for: ${what}; it saw ${this.#summary()}`))
      }, this.#timeoutMs)
      this.#waiting.add(look)
    })
  }

  #record(call: HostCall): void {
    this.calls.push(call)
    this.onCall(call)
    for (const look of [...this.#waiting]) look()
  }

  #summary(): string {
    const shown = this.calls.slice(-20).map((call) => {
      if (call.type === 'receive') return `${call.message.type} from ${call.from}`
      return `${call.type} ${JSON.stringify({ ...call, type: undefined })}`
    })
    return shown.length === 0 ? 'nothing' : shown.join(', ')
  }
}

/** A transport host that records every call to it, and lets a check wait for calls. */
import type { PeerIdentity, PeerMessage, Refusal, TransportHost } from '../../../contracts/transport.ts'
import type { NodeId } from '../../../core/types.ts'
import type { HostCall } from './host-call.ts'
import { describeCall } from './host-call.ts'

/** The default time that a check waits for an expected event. */
export const TIMEOUT_MS_DEFAULT: number = 8000

export class RecordingHost implements TransportHost {
  readonly identity: PeerIdentity
  readonly calls: HostCall[] = []
  /** Returns the reason to reject a peer. By default every peer is admitted. */
  rejectPeer: (peer: PeerIdentity) => Refusal | undefined = () => undefined
  /** The content of this node's snapshots. */
  snapshot: (id: string, offset: number) => AsyncIterable<Uint8Array> = () => {
    throw new Error('this host has no snapshots')
  }
  /** Called within each call to this host. */
  onCall: (call: HostCall) => void = () => undefined
  /** Also called within each call, before `onCall`. */
  onRecord: (call: HostCall) => void = () => undefined
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

  peerReached(peer: NodeId, address: string | undefined): void {
    this.#record({ type: 'peerReached', peer, address })
  }

  condition(code: string, facts: { readonly message: string } | undefined): void {
    this.#record({ type: 'condition', code, message: facts?.message })
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

  callsOfType<Type extends HostCall['type']>(type: Type): Extract<HostCall, { type: Type }>[] {
    return this.calls.filter((call): call is Extract<HostCall, { type: Type }> => call.type === type)
  }

  /** All received messages, from any node. */
  get received(): PeerMessage[] {
    return this.callsOfType('receive').map(({ message }) => message)
  }

  isConnected(peer: NodeId): boolean {
    const last = this.calls.findLast(
      (call) => (call.type === 'peerConnected' || call.type === 'peerLost') && call.peer === peer,
    )
    return last?.type === 'peerConnected'
  }

  /** Resolves once the condition holds; it is tested after every call. Rejects with `what` in the message after a timeout. */
  until(what: string, condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const test = (): void => {
        if (!condition()) return
        clearTimeout(timeout)
        this.#waiting.delete(test)
        resolve()
      }
      const timeout = setTimeout(() => {
        this.#waiting.delete(test)
        reject(new Error(`${this.identity.nodeId} timed out waiting for ${what}; so far it ${this.#summary()}`))
      }, this.#timeoutMs)
      this.#waiting.add(test)
    })
  }

  #record(call: HostCall): void {
    this.calls.push(call)
    this.onRecord(call)
    this.onCall(call)
    for (const test of [...this.#waiting]) test()
  }

  #summary(): string {
    const shown = this.calls.slice(-20).map(describeCall)
    return shown.length === 0 ? 'was not called' : shown.join(', ')
  }
}

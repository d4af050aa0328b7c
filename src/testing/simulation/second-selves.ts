/** Checks that no node goes back and forth between two processes with the same id. */
import type { NodeId } from '../../core/types.ts'
import { COPIES } from '../properties/copies.ts'
import { PropertyViolation } from '../properties/property.ts'
import type { Endpoint } from './endpoint.ts'

export class SecondSelves {
  readonly #onViolated: (violation: PropertyViolation) => void
  /** By process: under each id, the processes that it has accepted, the latest last. */
  readonly #accepted = new WeakMap<Endpoint, Map<NodeId, Endpoint[]>>()

  /** By node: a boot of its directory that every other member has recorded. */
  readonly #boots = new Map<NodeId, string>()

  constructor(onViolated: (violation: PropertyViolation) => void) {
    this.#onViolated = onViolated
  }

  /** From now on no member may accept a copy of the node's directory that lacks this boot. */
  expectBoot(id: NodeId, boot: string | undefined): void {
    if (boot !== undefined) this.#boots.set(id, boot)
  }

  /** A process has accepted a connection with the process that it reaches under a peer's id. */
  accepted(process: Endpoint, peer: NodeId, accepted: Endpoint): void {
    const recorded = this.#boots.get(peer)
    const { boot } = accepted.host.identity
    if (recorded !== undefined && boot?.id !== recorded && boot?.earlier.includes(recorded) !== true)
      this.#violate(process, `accepted a copy of the data directory of ${peer} from before a boot that is recorded.`)
    const byPeer = this.#accepted.get(process) ?? new Map<NodeId, Endpoint[]>()
    this.#accepted.set(process, byPeer)
    const earlier = byPeer.get(peer) ?? []
    byPeer.set(peer, [...earlier.filter((one) => one !== accepted), accepted])
    if (!earlier.includes(accepted) || earlier.at(-1) === accepted) return
    this.#violate(process, `accepted a process of ${peer} again after another process of ${peer}.`)
  }

  #violate(process: Endpoint, what: string): void {
    this.#onViolated(new PropertyViolation(COPIES.oneSelf, `${process.host.identity.nodeId} ${what}`))
  }
}

/** Detects that this node was removed from the cluster, so that its process can exit. */
import { setTimeout as pause } from 'node:timers/promises'
import type { NodeStatus } from '../../contracts/node-service.ts'
import type { NodeEvent, Observer } from '../../contracts/observer.ts'
import type { NodeId } from '../../core/types.ts'
import { RaftError } from '../../errors.ts'

/** How long a removed node keeps running, about two election timeouts: a leader that removed itself answers its callers and transfers leadership. */
const GRACE_MS = 3000

export class RemovalWatch implements Observer {
  readonly #graceMs: number
  #resolveRemoved: () => void = () => undefined
  #removed: Promise<void> = this.#nextRemoval()

  constructor(graceMs: number = GRACE_MS) {
    this.#graceMs = graceMs
  }

  event(_: NodeId, event: NodeEvent): void {
    if (event.type === 'removed') this.#resolveRemoved()
  }

  /**
   * Resolves with ERR_RAFT_REMOVED once the node is removed and is still removed after the grace period. A node that catches up may
   * pass an earlier removal in the log, after which it was added again; then this waits for the next removal.
   */
  async removalError(node: { readonly id: NodeId; statusNow(): Pick<NodeStatus, 'isRemoved'> }): Promise<RaftError> {
    do {
      await this.#removed
      this.#removed = this.#nextRemoval()
      await pause(this.#graceMs)
    } while (!node.statusNow().isRemoved)
    return new RaftError('ERR_RAFT_REMOVED', `${node.id} was removed: it is no longer a member of the cluster`, {
      hint: 'to bring it back, add it as a new member with an empty data directory',
    })
  }

  #nextRemoval(): Promise<void> {
    return new Promise((resolve) => {
      this.#resolveRemoved = resolve
    })
  }
}

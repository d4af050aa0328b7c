/** Watches for a committed membership that does not name this node any more: then its process has nothing left to do. */
import { setTimeout as pause } from 'node:timers/promises'
import type { NodeStatus } from '../../contracts/node-service.ts'
import type { NodeEvent, Observer } from '../../contracts/observer.ts'
import type { NodeId } from '../../core/types.ts'
import { RaftError } from '../../errors.ts'

/** A removed node stays for about two elections: a leader that has removed itself still answers, and hands over. */
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
   * Resolves with the reason to end, if the node is still out after what it has to tell others. One that catches up may only come past
   * an earlier removal in the log: the next one counts as well.
   */
  async removalError(node: { readonly id: NodeId; statusNow(): Pick<NodeStatus, 'isRemoved'> }): Promise<RaftError> {
    do {
      await this.#removed
      this.#removed = this.#nextRemoval()
      await pause(this.#graceMs)
    } while (!node.statusNow().isRemoved)
    return new RaftError('ERR_RAFT_REMOVED', `${node.id} was removed: it is not a member of the cluster any more`, {
      hint: 'to bring it back, add it as a new member, with an empty data directory',
    })
  }

  #nextRemoval(): Promise<void> {
    return new Promise((resolve) => {
      this.#resolveRemoved = resolve
    })
  }
}

/** Leadership given to another node: when somebody asks for it, when this one's disk is nearly full, and when it closes. */
import type { CallOptions, NodeStatus } from '../contracts/node-service.ts'
import type { NodeId } from '../core/types.ts'
import type { Deadlines } from './deadlines.ts'
import type { Driver } from './driver.ts'
import type { Requests } from './requests.ts'
import type { Watchers } from './watchers.ts'

export interface HandoverParts {
  readonly driver: Driver
  readonly requests: Requests
  readonly watchers: Watchers
  readonly deadlines: Deadlines
}

export class Handover {
  readonly #parts: HandoverParts

  constructor(parts: HandoverParts) {
    this.#parts = parts
  }

  /** Resolves with the new leader, if this node hears of it in time. */
  async transfer(to: NodeId | undefined, { timeoutMs, signal }: CallOptions): Promise<{ leader: NodeId | undefined }> {
    const { driver, requests, watchers, deadlines } = this.#parts
    const deadline = deadlines.of({ timeoutMs })
    const { leader } = await new Promise<{ leader: NodeId | undefined }>((resolve, reject) => {
      const asked = 'leadership transfer'
      const request = requests.add({ ...{ asked, isBegun: true, deadline, signal }, resolve, reject })
      driver.gather()
      driver.post({ type: 'transfer', request, to })
    })
    if (leader !== undefined) return { leader }
    return new Promise((resolve) => {
      watchers.add({
        ...{ deadline, signal, predicate: (status) => status.leader !== undefined },
        resolve: (status) => resolve({ leader: status.leader }),
        reject: () => resolve({ leader: undefined }),
      })
    })
  }

  /** To whoever can take it; nobody is waiting for that. */
  giveAway(): void {
    if (this.#parts.driver.status().role === 'leader') this.transfer(undefined, {}).catch(() => undefined)
  }

  /** Gives it away if there is anybody to take it, and waits for no longer than that; then until `isSettled`, if that comes in time. */
  async leave(isSettled: () => boolean, timeoutMs: number): Promise<void> {
    const { role, membership } = this.#parts.driver.status()
    if (role === 'leader' && membership.voters.length > 1) {
      // A successor that goes away meanwhile is not waited for.
      const alone = this.#until(({ connected }) => connected.length === 0, timeoutMs)
      await Promise.race([this.transfer(undefined, { timeoutMs }), alone]).catch(() => undefined)
    }
    if (!isSettled()) await this.#until(isSettled, timeoutMs)
  }

  /** Waits for it, or as long as that; never rejects. */
  #until(predicate: (status: NodeStatus) => boolean, timeoutMs: number): Promise<void> {
    const deadline = this.#parts.deadlines.of({ timeoutMs })
    return new Promise((resolve) => {
      const done = (): void => resolve()
      this.#parts.watchers.add({ predicate, deadline, signal: undefined, resolve: done, reject: done })
    })
  }
}

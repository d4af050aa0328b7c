/** Simulated clients with sessions: each sends every command several times, to one node after the other, and must get one result. */
import type { SessionCommand, SessionId } from '../../contracts/session.ts'
import { exactlyOnce } from '../properties/exactly-once.ts'
import { PropertyViolation } from '../properties/property.ts'
import type { CallResult } from './call-result.ts'
import type { Cluster } from './cluster.ts'
import type { SimulatedNode } from './simulated-node.ts'
import type { Call } from './workload.ts'
import { LEADER } from './workload.ts'

/** What the session clients need of the other clients. */
export interface SessionCalls {
  /** Reports a write and returns the number of its call. */
  invoke(first: SimulatedNode): number
  /** Reports how it ended. */
  end(call: number, answer: CallResult): void
  register(at: SimulatedNode): Promise<CallResult>
  propose(call: number, at: SimulatedNode, session: SessionCommand): Promise<CallResult>
}

interface Session {
  readonly id: SessionId
  last: number
  /** The sequence numbers without a result, ascending. */
  readonly open: Set<number>
}

type SessionWrite = Call & { readonly type: 'writeInSession' }

export class SessionClients {
  readonly #cluster: Cluster
  readonly #calls: SessionCalls
  readonly #sessions = new Map<number, Session>()

  constructor(cluster: Cluster, calls: SessionCalls) {
    this.#cluster = cluster
    this.#calls = calls
  }

  async write(write: SessionWrite): Promise<void> {
    const session = this.#sessions.get(write.client) ?? (await this.#register(write))
    if (session === undefined) return
    for (let command = 0; command < write.count; command++) this.#writeOne(write, session)
  }

  async #register({ client, node }: SessionWrite): Promise<Session | undefined> {
    const { outcome, index } = await this.#calls.register(this.#cluster.nodeOf(node))
    if (outcome !== 'applied') return undefined
    const session = { id: index, last: 0, open: new Set<number>() }
    this.#sessions.set(client, session)
    return session
  }

  #writeOne({ client, node, sends, everyMs }: SessionWrite, session: Session): void {
    const cluster = this.#cluster
    const call = this.#calls.invoke(cluster.nodeOf(node))
    const sequence = ++session.last
    session.open.add(sequence)
    let first: CallResult | undefined
    let isUnknown = false
    let left = sends
    const onAnswer = (answer: CallResult): void => {
      left--
      if (answer.code === 'ERR_RAFT_SESSION_EXPIRED' && this.#sessions.get(client) === session)
        this.#sessions.delete(client)
      if (answer.outcome === 'unknown') isUnknown = true
      if (answer.outcome === 'applied') {
        if (first !== undefined && first.index !== answer.index) this.#failTwice(call, first.index, answer.index)
        if (first === undefined) this.#calls.end(call, answer)
        first = answer
      }
      if (first !== undefined || left === 0) session.open.delete(sequence)
      if (first !== undefined || left > 0) return
      this.#calls.end(call, { outcome: isUnknown ? 'unknown' : 'not-applied', index: 0, leader: undefined })
    }
    for (let send = 0; send < sends; send++)
      cluster.time.after(send * everyMs * 1000, () => {
        // Every other time to the node that leads, so that most commands are applied.
        const at = cluster.nodeOf(send % 2 === 0 ? node + send : LEADER)
        const lowest = Math.min(sequence, ...session.open)
        void this.#calls.propose(call, at, { id: session.id, sequence, lowest }).then(onAnswer)
      })
  }

  #failTwice(call: number, index: number, other: number): void {
    const detail = `call ${call} was answered as applied at index ${index}, and then at index ${other}.`
    this.#cluster.fail(new PropertyViolation(exactlyOnce, detail))
  }
}

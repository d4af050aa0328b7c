/** The calls that clients and the operator make during a run, as plain data. Nodes are given by number. */

/** The node number of the current leader: of several nodes that consider themselves leader, the one with the highest term. */
export const LEADER = -1

export type Call =
  /** A client writes `count` commands at once, to this node first, and follows leader hints. */
  | { readonly type: 'write'; readonly atMs: number; readonly node: number; readonly count: number }
  /** A client writes one command of this many bytes, possibly more than a message or an inflight window holds. */
  | { readonly type: 'writeLarge'; readonly atMs: number; readonly node: number; readonly bytes: number }
  /**
   * This client writes `count` commands in its session, and sends each `sends` times, `everyMs` apart, whatever the answers: to one node after the
   * other from this one on, and every other time to the leader.
   */
  | {
      readonly type: 'writeInSession'
      readonly atMs: number
      readonly client: number
      readonly node: number
      readonly count: number
      readonly sends: number
      readonly everyMs: number
    }
  /** A client reads: with a heartbeat round, or with the leader's lease if `leaseReads` is on. */
  | { readonly type: 'read'; readonly atMs: number; readonly node: number; readonly mode: 'linearizable' | 'lease' }
  /**
   * A client reads the local state of this node `times` times, `everyMs` apart, at most `maxStalenessMs` old (0: of any age). With `own` it contains every
   * write that was acknowledged to a client before.
   */
  | {
      readonly type: 'readFresh'
      readonly atMs: number
      readonly node: number
      readonly maxStalenessMs: number
      readonly own: boolean
      readonly times: number
      readonly everyMs: number
    }
  /**
   * A client writes one command that must enter the log in the term that this node knows now, and sends it `afterMs` later to the node that leads
   * then.
   */
  | { readonly type: 'writeInTerm'; readonly atMs: number; readonly node: number; readonly afterMs: number }
  /** This reader follows the changes of this node after its last one, until the process ends or the reader follows another node. */
  | { readonly type: 'follow'; readonly atMs: number; readonly reader: number; readonly node: number }
  /** The operator asks the leader to change the membership; parts that do not apply to the current one are left out. */
  | {
      readonly type: 'change'
      readonly atMs: number
      readonly add: readonly number[]
      readonly promote: readonly number[]
      readonly demote: readonly number[]
      readonly remove: readonly number[]
    }
  /** The operator asks the leader to transfer leadership to this node. */
  | { readonly type: 'transfer'; readonly atMs: number; readonly node: number }
  | { readonly type: 'snapshot'; readonly atMs: number; readonly node: number }

export type Workload = readonly Call[]

/** The number of initial voters, and of spare nodes that can be added later. */
export interface ClusterPlan {
  readonly voters: number
  readonly spares: number
}

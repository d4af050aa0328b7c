/** What is asked of a cluster during a run, as data. Nodes are named by number. */

/** The number that names whoever leads at that moment (in the latest term, if several believe it). */
export const LEADER = -1

export type Call =
  /** A client writes, so many commands at once, asking this node first and following its hints. */
  | { readonly type: 'write'; readonly atMs: number; readonly node: number; readonly count: number }
  /** A client writes one command that takes so many bytes: perhaps more than a message or a window holds. */
  | { readonly type: 'writeLarge'; readonly atMs: number; readonly node: number; readonly bytes: number }
  /** A client reads: by a round of heartbeats, or by the lease of the leader, where `leaseReads` is on. */
  | { readonly type: 'read'; readonly atMs: number; readonly node: number; readonly mode: 'linearizable' | 'lease' }
  /** Whoever leads is asked to change the membership; what makes no sense is left out. */
  | {
      readonly type: 'change'
      readonly atMs: number
      readonly add: readonly number[]
      readonly promote: readonly number[]
      readonly demote: readonly number[]
      readonly remove: readonly number[]
    }
  /** Whoever leads is asked to hand over. */
  | { readonly type: 'transfer'; readonly atMs: number; readonly node: number }
  | { readonly type: 'snapshot'; readonly atMs: number; readonly node: number }

export type Workload = readonly Call[]

/** Who is there: the first voters, and those who stand by to be added. */
export interface ClusterPlan {
  readonly voters: number
  readonly spares: number
}

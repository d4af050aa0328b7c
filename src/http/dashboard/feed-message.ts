/** What a dashboard receives: the state of nodes at intervals, and their events as they happen. */
import type { Alarm, NodeStatus } from '../../contracts/node-service.ts'
import type { NodeEvent } from '../../contracts/observer.ts'
import type { NodeId } from '../../core/types.ts'
import type { Rates } from './rates.ts'

/** A status without what would help a stranger to pass as a member: the ids of directories. */
export interface NodeView extends Omit<NodeStatus, 'directoryId' | 'membership' | 'alarms' | 'machine' | 'protocol'> {
  readonly membership: MembershipView
  readonly alarms: readonly Omit<Alarm, 'details'>[]
}

export interface MembershipView {
  readonly members: readonly { readonly id: NodeId; readonly address: string }[]
  readonly voters: readonly NodeId[]
  readonly outgoing: readonly NodeId[]
  readonly learners: readonly NodeId[]
}

/** `at` is the time of day in milliseconds since 1970. */
export type FeedMessage =
  | {
      readonly type: 'view'
      readonly node: NodeId
      readonly at: number
      readonly view: NodeView
      readonly rates: Rates
    }
  | { readonly type: 'event'; readonly node: NodeId; readonly at: number; readonly event: NodeEvent }
  /** The node has stopped, or its process has ended. */
  | { readonly type: 'down'; readonly node: NodeId; readonly at: number }
  /** The links of the demo that are cut now, each as its two nodes. */
  | { readonly type: 'links'; readonly at: number; readonly cut: readonly (readonly [NodeId, NodeId])[] }
  /** What the demo announces. */
  | { readonly type: 'note'; readonly at: number; readonly text: string }

export function nodeView(status: NodeStatus): NodeView {
  const { directoryId: _, machine: __, protocol: ___, membership, alarms, ...rest } = status
  const { members, voters, outgoing, learners } = membership
  return {
    ...rest,
    membership: { members: members.map(({ id, address }) => ({ id, address })), voters, outgoing, learners },
    alarms: alarms.map(({ details: ____, ...alarm }) => alarm),
  }
}

/** As it is sent. Random ids in the texts of events and alarms are left out: those of directories are among them. */
export function encodeMessage(message: FeedMessage): string {
  return JSON.stringify(message).replaceAll(RANDOM_ID, '…')
}

const RANDOM_ID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g

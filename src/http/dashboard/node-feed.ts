/** The feed of the nodes of this process, as an observer. */
import type { Meter } from '../../contracts/meter.ts'
import type { NodeEvent, ObservedNode, Observer } from '../../contracts/observer.ts'
import type { NodeId } from '../../core/types.ts'
import { findOptionProblems, throwOnProblems, withDefaults } from '../../platform/options.ts'
import type { DashboardLimits } from '../limits.ts'
import { DASHBOARD_CHECKS, DASHBOARD_DEFAULTS } from '../limits.ts'
import { Feed } from './feed.ts'
import { nodeView } from './feed-message.ts'
import { RateMeter } from './rates.ts'

/** After these the state of the node is sent at once, so that an election is seen as it happens. */
const URGENT: ReadonlySet<NodeEvent['type']> = new Set([
  ...(['preVoteStarted', 'campaignStarted', 'becameLeader', 'becameFollower', 'steppedDown'] as const),
  ...(['leaderChanged', 'voteGranted', 'membershipAdopted', 'alarmRaised', 'alarmCleared', 'failed'] as const),
])

/**
 * Pass it to a node as an observer, and to `dashboardRoutes`. Several nodes of a process may share one, if their ids differ.
 *
 *     const feed = new NodeFeed()
 *     const node = await startNode({ …, observers: [feed] })
 *     const server = await serveHttp({ listen: '127.0.0.1:9001', routes: dashboardRoutes(feed) })
 */
export class NodeFeed extends Feed implements Observer {
  readonly #limits: DashboardLimits
  readonly #nodes = new Map<NodeId, { readonly node: ObservedNode; readonly meter: RateMeter }>()
  readonly #urgent = new Set<NodeId>()
  #timer: ReturnType<typeof setInterval> | undefined

  /** Throws ERR_RAFT_OPTIONS, which names every invalid limit. */
  constructor(limits: Partial<DashboardLimits> = {}) {
    throwOnProblems(findOptionProblems(limits, DASHBOARD_CHECKS))
    const all = withDefaults(DASHBOARD_DEFAULTS, limits)
    super(all)
    this.#limits = all
    this.onWatched = (isWatched) => this.#watch(isWatched)
  }

  attach(node: ObservedNode): Meter {
    const meter = new RateMeter(this.#limits.durationsMax, performance.now())
    this.#nodes.set(node.id, { node, meter })
    return meter
  }

  event(node: NodeId, event: NodeEvent): void {
    this.publish({ type: 'event', node, at: Date.now(), event })
    if (event.type === 'stopped') {
      this.#nodes.delete(node)
      this.publish({ type: 'down', node, at: Date.now() })
    }
    if (this.#timer === undefined || !URGENT.has(event.type) || this.#urgent.has(node)) return
    // The status shows the event once the step that caused it is complete.
    this.#urgent.add(node)
    setImmediate(() => {
      this.#urgent.delete(node)
      if (this.#timer !== undefined) this.#publishView(node)
    })
  }

  #watch(isWatched: boolean): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    if (!isWatched) return
    // What was measured while no page was open belongs to no period.
    for (const { meter } of this.#nodes.values()) meter.take(performance.now())
    this.#publishViews()
    this.#timer = setInterval(() => this.#publishViews(), this.#limits.dashboardIntervalMs).unref()
  }

  #publishViews(): void {
    for (const id of this.#nodes.keys()) this.#publishView(id)
  }

  #publishView(id: NodeId): void {
    const { node, meter } = this.#nodes.get(id) ?? {}
    if (node === undefined || meter === undefined) return
    const rates = meter.take(performance.now())
    this.publish({ type: 'view', node: id, at: Date.now(), view: nodeView(node.status()), rates })
  }
}

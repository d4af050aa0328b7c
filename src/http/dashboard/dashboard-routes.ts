/** The routes of the dashboard: the page at `/`, and the stream that it shows. They change nothing. */
import { checkString, findOptionProblems, throwOnProblems } from '../../platform/options.ts'
import type { HttpRoutes } from '../http-server.ts'
import type { DashboardLimits } from '../limits.ts'
import { DASHBOARD_CHECKS } from '../limits.ts'
import { eventStreams } from './event-streams.ts'
import type { Feed } from './feed.ts'
import { ownHostOnly } from './own-pages.ts'
import { pageRoutes } from './page-files.ts'

/** Where the page receives the messages of the feed. */
export const STREAM_PATH = '/events/stream'

export interface DashboardOptions extends Partial<DashboardLimits> {
  /** HTML that is added to the head of the page. */
  readonly head?: string | undefined
}

/** What reaches the loopback interface under a name other than localhost is answered with 403. Throws ERR_RAFT_OPTIONS, which names every invalid option. */
export function dashboardRoutes(feed: Feed, { head, ...limits }: DashboardOptions = {}): HttpRoutes {
  throwOnProblems(findOptionProblems({ head, ...limits }, { head: checkString, ...DASHBOARD_CHECKS }))
  return { ...pageRoutes('dashboard', { head }), [STREAM_PATH]: ownHostOnly(eventStreams(feed, limits)) }
}

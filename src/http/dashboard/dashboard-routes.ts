/** The routes of the dashboard: the page at `/`, and the stream that it shows. They change nothing. */
import type { HttpRoutes } from '../http-server.ts'
import type { DashboardLimits } from '../limits.ts'
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

/** What reaches the loopback interface under a name other than localhost is answered with 403. */
export function dashboardRoutes(feed: Feed, { head, ...limits }: DashboardOptions = {}): HttpRoutes {
  return { ...pageRoutes('dashboard', { head }), [STREAM_PATH]: ownHostOnly(eventStreams(feed, limits)) }
}

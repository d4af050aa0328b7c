/** The HTTP port of `quorate serve`: metrics, health checks and the dashboard of its node. */
import type { Observer } from '../../contracts/observer.ts'
import { isRaftError, RaftError } from '../../errors.ts'
import type { Feed } from '../../http/dashboard/feed.ts'

export interface ServedHttp {
  readonly address: string
  /** The node reports to these. */
  readonly observers: readonly Observer[]
  /** What its dashboard shows. */
  readonly feed: Feed
  close(): Promise<void>
}

/** Listens before the node starts, so that a long recovery can be watched. */
export async function startHttp(listen: string): Promise<ServedHttp> {
  const [{ NodeChecks }, { NodeMetrics }, { serveHttp }, { operatorRoutes }, { NodeFeed }, { dashboardRoutes }] =
    await Promise.all([
      import('../../checks/node-checks.ts'),
      import('../../metrics/node-metrics.ts'),
      import('../../http/http-server.ts'),
      import('../../http/routes.ts'),
      import('../../http/dashboard/node-feed.ts'),
      import('../../http/dashboard/dashboard-routes.ts'),
    ])
  const checks = new NodeChecks()
  const metrics = new NodeMetrics()
  const feed = new NodeFeed()
  try {
    const routes = { ...dashboardRoutes(feed), ...operatorRoutes({ checks, metrics }) }
    const server = await serveHttp({ listen, routes })
    return { address: server.address, observers: [checks, metrics, feed], feed, close: () => server.close() }
  } catch (error) {
    if (!isRaftError(error)) throw error
    const hint = 'choose another address with --http'
    throw new RaftError(error.code, `--http: ${error.message}`, { hint, details: error.details, cause: error })
  }
}

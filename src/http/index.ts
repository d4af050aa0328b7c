/**
 * `quorate/http`: an HTTP port for operators, with metrics, health checks and the dashboard of a node.
 *
 * @module
 */
export { type Check, NodeChecks, type NodeChecksOptions } from '../checks/node-checks.ts'
export { type DashboardOptions, dashboardRoutes } from './dashboard/dashboard-routes.ts'
export type { Feed, FeedListener } from './dashboard/feed.ts'
export type { FeedMessage, MembershipView, NodeView } from './dashboard/feed-message.ts'
export { NodeFeed } from './dashboard/node-feed.ts'
export type { Percentiles, Rates } from './dashboard/rates.ts'
export {
  type HttpHandler,
  type HttpOptions,
  type HttpRequest,
  type HttpRoutes,
  type HttpServer,
  sendText,
  serveHttp,
} from './http-server.ts'
export { DASHBOARD_DEFAULTS, type DashboardLimits, HTTP_DEFAULTS, type HttpLimits } from './limits.ts'
export { type Checks, type MetricsText, type OperatorRoutes, operatorRoutes } from './routes.ts'

/** The entry point `quorate/http`: an HTTP port for operators, with metrics and health checks of a node. */
export { type Check, NodeChecks, type NodeChecksOptions } from '../checks/node-checks.ts'
export {
  type HttpHandler,
  type HttpOptions,
  type HttpRequest,
  type HttpRoutes,
  type HttpServer,
  sendText,
  serveHttp,
} from './http-server.ts'
export { HTTP_DEFAULTS, type HttpLimits } from './limits.ts'
export { type Checks, type MetricsText, type OperatorRoutes, operatorRoutes } from './routes.ts'

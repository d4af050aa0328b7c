/** The routes for Prometheus, load balancers and Kubernetes: `/metrics`, `/livez` and `/readyz`. */
import type { Check } from '../checks/node-checks.ts'
import type { HttpHandler, HttpRoutes } from './http-server.ts'
import { sendText } from './http-server.ts'

/** What `NodeMetrics` of quorate/metrics has. */
export interface MetricsText {
  text(): Promise<{ readonly contentType: string; readonly body: string }>
}

/** What `NodeChecks` has. */
export interface Checks {
  live(): readonly Check[]
  ready(): readonly Check[]
}

export interface OperatorRoutes {
  readonly checks: Checks
  readonly metrics?: MetricsText | undefined
}

/** `/livez` and `/readyz` answer 200 or 503, and list every check with `?verbose`; `/metrics` exists if `metrics` is given. */
export function operatorRoutes({ checks, metrics }: OperatorRoutes): HttpRoutes {
  return {
    '/livez': checkHandler('livez', () => checks.live()),
    '/readyz': checkHandler('readyz', () => checks.ready()),
    ...(metrics === undefined ? {} : { '/metrics': metricsHandler(metrics) }),
  }
}

function checkHandler(name: string, checks: () => readonly Check[]): HttpHandler {
  return ({ query }, response) => {
    const results = checks()
    const isOk = results.every((each) => each.isOk)
    const shown = query.has('verbose') ? results : results.filter((each) => !each.isOk)
    const lines = shown.map(
      (each) => `${each.isOk ? '[+]' : '[-]'}${each.name} ${each.isOk ? 'ok' : 'failed'}: ${each.detail}`,
    )
    const last = isOk && !query.has('verbose') ? 'ok' : `${name} check ${isOk ? 'passed' : 'failed'}`
    sendText(response, isOk ? 200 : 503, `${[...lines, last].join('\n')}\n`)
  }
}

function metricsHandler(metrics: MetricsText): HttpHandler {
  return async (_, response) => {
    const { contentType, body } = await metrics.text()
    sendText(response, 200, body, contentType)
  }
}

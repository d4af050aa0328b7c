/** The HTTP port of `quorate serve`: metrics and health checks of its node. */
import type { Observer } from '../../contracts/observer.ts'
import { isRaftError, RaftError } from '../../errors.ts'

export interface ServedHttp {
  readonly address: string
  /** The node reports to these. */
  readonly observers: readonly Observer[]
  close(): Promise<void>
}

/** Listens before the node starts, so that a long recovery can be watched. */
export async function startHttp(listen: string): Promise<ServedHttp> {
  const [{ NodeChecks }, { NodeMetrics }, { serveHttp }, { operatorRoutes }] = await Promise.all([
    import('../../checks/node-checks.ts'),
    import('../../metrics/node-metrics.ts'),
    import('../../http/http-server.ts'),
    import('../../http/routes.ts'),
  ])
  const checks = new NodeChecks()
  const metrics = new NodeMetrics()
  try {
    const server = await serveHttp({ listen, routes: operatorRoutes({ checks, metrics }) })
    return { address: server.address, observers: [checks, metrics], close: () => server.close() }
  } catch (error) {
    if (!isRaftError(error)) throw error
    const hint = 'choose another address with --http'
    throw new RaftError(error.code, `--http: ${error.message}`, { hint, details: error.details, cause: error })
  }
}

/** The page of the demo: the dashboard of all its nodes, with the keys of the demo as buttons, for this machine only. */
import { randomBytes } from 'node:crypto'
import { dashboardRoutes } from '../../http/dashboard/dashboard-routes.ts'
import type { Feed } from '../../http/dashboard/feed.ts'
import { ownPageOnly } from '../../http/dashboard/own-pages.ts'
import type { HttpHandler, HttpRoutes, HttpServer } from '../../http/http-server.ts'
import { sendText, serveHttp } from '../../http/http-server.ts'

/** What a button does, perhaps to some nodes; false if it cannot, or the same is still being done. */
export type DemoAction = (nodes: readonly string[]) => boolean

/** Listens on a free port of the loopback interface. Only its own page, which has a random token, can press the buttons. */
export async function serveDemoPage(feed: Feed, actions: Readonly<Record<string, DemoAction>>): Promise<HttpServer> {
  const token = randomBytes(24).toString('base64url')
  const routes = dashboardRoutes(feed, { head: `<meta name="quorate-demo" content="${token}">` })
  return serveHttp({ listen: '127.0.0.1:0', routes, actions: actionRoutes(token, actions) })
}

function actionRoutes(token: string, actions: Readonly<Record<string, DemoAction>>): HttpRoutes {
  const handlers = Object.entries(actions).map(([name, act]): [string, HttpHandler] => [
    `/demo/${name}`,
    ownPageOnly(token, ({ query }, response) => {
      if (act(query.getAll('node'))) sendText(response, 202, 'started\n')
      else sendText(response, 409, 'there is no such node, or this is still being done\n')
    }),
  ])
  return Object.fromEntries(handlers)
}

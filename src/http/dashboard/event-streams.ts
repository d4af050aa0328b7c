/** Sends a feed to pages as Server-Sent Events, in a bounded number of streams with bounded buffers. */
import { withDefaults } from '../../platform/options.ts'
import type { HttpHandler } from '../http-server.ts'
import { sendText } from '../http-server.ts'
import type { DashboardLimits } from '../limits.ts'
import { DASHBOARD_DEFAULTS } from '../limits.ts'
import type { Feed } from './feed.ts'

/** How long a page waits before it opens a stream again. */
const RETRY_MS = 1000

export function eventStreams(feed: Feed, given: Partial<DashboardLimits> = {}): HttpHandler {
  const { eventStreamsMax, eventStreamBytesMax } = withDefaults(DASHBOARD_DEFAULTS, given)
  let open = 0
  return ({ incoming }, response) => {
    if (open >= eventStreamsMax)
      return sendText(response, 503, `${eventStreamsMax} pages are open, which is the maximum (eventStreamsMax)\n`)
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    if (incoming.method === 'HEAD') return void response.end()
    open++
    response.write(`retry: ${RETRY_MS}\n\n`)
    const unsubscribe = feed.subscribe((text) => {
      if (response.writableLength > eventStreamBytesMax) response.destroy()
      else if (!response.destroyed) response.write(`data: ${text}\n\n`)
    })
    response.once('close', () => {
      open--
      unsubscribe()
    })
  }
}

/** A small HTTP server for operators: fixed routes, bounded connections and requests. Nothing that a client sends ends the process. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { formatAddress, listenError, parseListenAddress } from '../peer-link/listen-address.ts'
import { errorMessage } from '../platform/error-message.ts'
import type { OptionCheck } from '../platform/options.ts'
import {
  checkInteger,
  checkObject,
  checkString,
  findOptionProblems,
  throwOnProblems,
  withDefaults,
} from '../platform/options.ts'
import type { HttpLimits } from './limits.ts'
import { HTTP_DEFAULTS } from './limits.ts'

/** Only the path and the query of a request count. */
const BASE = 'http://node'

/** Answers a request: it writes and ends the response. If it throws or rejects, the answer is 500. */
export type HttpHandler = (request: HttpRequest, response: ServerResponse) => void | Promise<void>

export interface HttpRequest {
  readonly path: string
  readonly query: URLSearchParams
  /** That of Node, for its headers, and to notice that the client is gone. */
  readonly incoming: IncomingMessage
}

/** Handlers by path. One whose path ends with '/' answers every path below it that has no handler of its own; '/' is only the front page. */
export type HttpRoutes = Readonly<Record<string, HttpHandler>>

export interface HttpOptions extends Partial<HttpLimits> {
  /** Where to listen: 'host:port'. There is no authentication: use an address that only operators reach, such as 127.0.0.1. */
  readonly listen: string
  /** What GET and HEAD requests get. */
  readonly routes: HttpRoutes
  /** What POST requests do. The server reads no body: arguments are in the query. Default: nothing. */
  readonly actions?: HttpRoutes | undefined
}

const CHECKS: Readonly<Record<string, OptionCheck>> = {
  ...Object.fromEntries(Object.keys(HTTP_DEFAULTS).map((name) => [name, checkInteger(1)])),
  listen: checkString,
  routes: checkObject,
  actions: checkObject,
}

/** Starts to listen. Rejects with ERR_RAFT_OPTIONS, which names every invalid option, ERR_RAFT_PORT_IN_USE or ERR_RAFT_LISTEN. */
export async function serveHttp(options: HttpOptions): Promise<HttpServer> {
  checkHttpOptions(options)
  const { routes, actions = {}, listen } = options
  const limits = withDefaults(HTTP_DEFAULTS, options)
  const where = parseListenAddress(listen)
  const answering = new Set<Socket>()
  const server = createServer(
    {
      maxHeaderSize: limits.headerBytesMax,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: Math.min(1000, limits.headersTimeoutMs),
    },
    (incoming, response) => {
      answering.add(incoming.socket)
      response.once('close', () => answering.delete(incoming.socket))
      void answer({ routes, actions }, incoming, response)
    },
  )
  // Node closes no connection by itself once there is a listener: neither one that is idle, nor one whose client does not read.
  server.setTimeout(limits.sendTimeoutMs, (socket) => {
    if (socket.writableLength > 0 || !answering.has(socket)) socket.destroy()
  })
  server.maxConnections = limits.httpConnectionsMax
  server.on('clientError', (_, socket) => socket.destroy())
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ ...where, exclusive: true }, resolve)
    })
  } catch (cause) {
    throw listenError(where, cause)
  }
  return new HttpServer(server)
}

function checkHttpOptions(options: HttpOptions): void {
  const problems = findOptionProblems(options, CHECKS)
  for (const path of ['listen', 'routes'] as const)
    if (options[path] === undefined) problems.push({ path, problem: 'is missing' })
  throwOnProblems(problems)
}

/** A running server; see `serveHttp`. */
export class HttpServer {
  readonly #server: Server
  /** 'host:port'. */
  readonly address: string

  constructor(server: Server) {
    this.#server = server
    const { address, port } = server.address() as AddressInfo
    this.address = formatAddress({ host: address, port })
  }

  /** Ends every connection. Idempotent. */
  async close(): Promise<void> {
    if (!this.#server.listening) return
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }
}

/** Writes a whole response. */
export function sendText(response: ServerResponse, status: number, text: string, type = 'text/plain'): void {
  const contentType = type.includes('charset') ? type : `${type}; charset=utf-8`
  response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store' }).end(text)
}

interface Served {
  readonly routes: HttpRoutes
  readonly actions: HttpRoutes
}

/** Never rejects. */
async function answer({ routes, actions }: Served, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  incoming.resume()
  response.on('error', () => undefined)
  try {
    const target = incoming.url ?? ''
    // URL.parse is younger than the oldest supported Node.js.
    if (!URL.canParse(target, BASE)) return sendText(response, 400, 'the request has no valid path\n')
    const { pathname: path, searchParams: query } = new URL(target, BASE)
    const reader = handlerOf(routes, path)
    const actor = handlerOf(actions, path)
    const handlers = { ...(reader && { GET: reader, HEAD: reader }), ...(actor && { POST: actor }) }
    const handler = handlers[incoming.method as keyof typeof handlers]
    if (handler !== undefined) return await handler({ path, query, incoming }, response)
    const methods = Object.keys(handlers).join(', ')
    if (methods === '') return sendText(response, 404, `there is: ${Object.keys(routes).join(' ')}\n`)
    response.setHeader('allow', methods)
    sendText(response, 405, `only ${methods} here\n`)
  } catch (error) {
    if (!response.headersSent) sendText(response, 500, `${errorMessage(error)}\n`)
    else response.destroy()
  }
}

function handlerOf(routes: HttpRoutes, path: string): HttpHandler | undefined {
  if (Object.hasOwn(routes, path)) return routes[path]
  const [folder] = Object.keys(routes)
    .filter((route) => route.endsWith('/') && route !== '/' && path.startsWith(route))
    .toSorted((a, b) => b.length - a.length)
  return folder === undefined ? undefined : routes[folder]
}

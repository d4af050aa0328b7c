/** Which requests come from pages of this server: against pages of others that reach it by a name of their own, or send forms to it. */
import { timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isLoopback, parseListenAddress } from '../../peer-link/listen-address.ts'
import type { HttpHandler } from '../http-server.ts'
import { sendText } from '../http-server.ts'

/** The header with the token of a page. A page of another origin cannot set it without being asked for permission, which it does not get. */
export const TOKEN_HEADER = 'x-quorate-token'

/**
 * Answers 403 to a request that reached the loopback interface under another name: a name of a stranger that points to this machine would make
 * his page and this server one origin (DNS rebinding).
 */
export function ownHostOnly(handler: HttpHandler): HttpHandler {
  return (request, response) => {
    if (hasOwnHost(request.incoming)) return handler(request, response)
    sendText(response, 403, 'use the address of this machine, such as 127.0.0.1, or localhost\n')
  }
}

/** Answers 403 unless the request is from a page of this server on this machine, and has its token. */
export function ownPageOnly(token: string, handler: HttpHandler): HttpHandler {
  return (request, response) => {
    const { headers, socket } = request.incoming
    const isHere = isLoopback({ host: plainAddress(socket.localAddress), port: 0 }) && hasOwnHost(request.incoming)
    const isOwnOrigin = headers.origin === undefined || headers.origin === `http://${headers.host}`
    const given = Buffer.from(String(headers[TOKEN_HEADER] ?? ''))
    const wanted = Buffer.from(token)
    if (isHere && isOwnOrigin && given.length === wanted.length && timingSafeEqual(given, wanted))
      return handler(request, response)
    sendText(response, 403, 'only the page of this server may do that\n')
  }
}

function hasOwnHost({ headers, socket }: IncomingMessage): boolean {
  if (!isLoopback({ host: plainAddress(socket.localAddress), port: 0 })) return true
  const host = headers.host ?? ''
  try {
    return isLoopback(parseListenAddress(/:\d+$/.test(host) ? host : `${host}:80`))
  } catch {
    return false
  }
}

/** Without the prefix of an IPv4 address on an IPv6 socket. */
function plainAddress(address = ''): string {
  return address.replace(/^::ffff:/, '')
}

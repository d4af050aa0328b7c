/** Finds the process that listens on a port. Works on Linux, for processes of the same user. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** The state of a listening socket in /proc/net/tcp. */
const LISTENING = '0A'

/** For example 'pid 4711 (node)'; undefined if the process cannot be found. */
export function portOwner(port: number): string | undefined {
  try {
    const sockets = new Set(['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) => listenersIn(table, port)))
    const pid = readdirSync('/proc').find((name) => /^\d+$/.test(name) && hasAnyOpen(name, sockets))
    return pid === undefined ? undefined : `pid ${pid} (${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()})`
  } catch {
    return undefined
  }
}

/** The sockets that listen on a port, as /proc/PID/fd names them: 'socket:[12345]'. */
function listenersIn(table: string, port: number): string[] {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0')
  return readFileSync(table, 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => state === LISTENING && local?.endsWith(`:${hexPort}`) === true)
    .map((columns) => `socket:[${columns[9]}]`)
}

function hasAnyOpen(pid: string, sockets: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => sockets.has(readlinkSync(`/proc/${pid}/fd/${fd}`)))
  } catch {
    return false
  }
}

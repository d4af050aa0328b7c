/** Finds ports on loopback that nobody listens at. */
import { createServer } from 'node:net'
import { RaftError } from '../../errors.ts'

const PORT_MAX = 65_535
/** After this many busy ranges in a row something else is wrong. */
const RANGES_MAX = 200

/** The first port of `count` from `first` on that is taken. */
export async function busyPort(first: number, count: number): Promise<number | undefined> {
  for (let port = first; port < first + count; port++) if (!(await isFree(port))) return port
  return undefined
}

/** Where the next range of `count` free ports begins. */
export async function freeRange(from: number, count: number): Promise<number> {
  let first = from
  for (let tried = 0; tried < RANGES_MAX && first + count <= PORT_MAX; tried++) {
    if ((await busyPort(first, count)) === undefined) return first
    first += count
  }
  throw new RaftError('ERR_RAFT_PORT_IN_USE', `no ${count} free ports in a row were found from ${from} on`, {
    hint: 'name some with --ports',
  })
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}

/** Finds free ports on the loopback interface. */
import { createServer } from 'node:net'
import { RaftError } from '../../errors.ts'

const PORT_MAX = 65_535
/** After this many busy ranges the search fails: the cause must be something else. */
const RANGES_MAX = 200

/** The first port in use among `count` ports from `first`. */
export async function busyPort(first: number, count: number): Promise<number | undefined> {
  for (let port = first; port < first + count; port++) if (!(await isFree(port))) return port
  return undefined
}

/** The first port of the next `count` consecutive free ports. */
export async function freeRange(from: number, count: number): Promise<number> {
  let first = from
  for (let tried = 0; tried < RANGES_MAX && first + count <= PORT_MAX; tried++) {
    if ((await busyPort(first, count)) === undefined) return first
    first += count
  }
  throw new RaftError('ERR_RAFT_PORT_IN_USE', `no ${count} consecutive free ports were found from ${from} on`, {
    hint: 'choose ports with --ports',
  })
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}

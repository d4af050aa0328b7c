/** The number of file descriptors that this process may open, and whether that is enough for a node. */
import { readFileSync } from 'node:fs'
import { RaftError } from '../errors.ts'

/** With fewer, the process cannot even load its own code while connections are open. */
const DESCRIPTORS_MIN = 128
/** With fewer, a node runs, but accepts few connections. */
export const DESCRIPTORS_RECOMMENDED = 1024

/** The limit (`ulimit -n`; Node.js raises the soft one to the hard one); Infinity where the system does not tell. */
export function descriptorLimit(): number {
  if (process.platform !== 'linux') return Number.POSITIVE_INFINITY
  try {
    const match = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))
    return match === null ? Number.POSITIVE_INFINITY : Number(match[1])
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

/** The error if this process may open too few descriptors. Waiting does not help, so this is not ERR_RAFT_NO_DESCRIPTORS. */
export function tooFewDescriptors(limit: number = descriptorLimit()): RaftError | undefined {
  if (limit >= DESCRIPTORS_MIN) return undefined
  return new RaftError(
    'ERR_RAFT_RUNTIME',
    `this process may open ${limit} files and connections; at least ${DESCRIPTORS_MIN} are needed, ${DESCRIPTORS_RECOMMENDED} or more are recommended`,
    {
      hint: `run \`ulimit -n ${DESCRIPTORS_RECOMMENDED}\` first, or set LimitNOFILE=${DESCRIPTORS_RECOMMENDED} in the systemd unit`,
      details: { limit, needed: DESCRIPTORS_MIN },
    },
  )
}

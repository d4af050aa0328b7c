/** Faults that use up the file descriptors of a node. */
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import type { Fault, FaultContext } from './fault-context.ts'
import { leaderOf, pickNodes, randomPause } from './fault-context.ts'

/** More connections than any node has descriptors left. */
const CONNECTIONS = 300

/** Whether the limit of a running process can be changed here. */
export function canLimitDescriptors(): boolean {
  try {
    limitDescriptors(process.pid, limitOf(process.pid))
    return true
  } catch {
    return false
  }
}

export const DESCRIPTOR_FAULTS: Readonly<Record<string, Fault>> = {
  'use up descriptors': async (context) => {
    const { cluster, random, log } = context
    const id = random.chance(500) ? await leaderOf(context) : (pickNodes(context, 1)[0] as string)
    const pid = cluster.pidOf(id)
    if (pid === undefined || !cluster.isRunning(id)) throw new Error(`${id} has no process`)
    const normal = limitOf(pid)
    const left = random.between(0, 40)
    log(`leave ${id} ${left} descriptors, and open ${CONNECTIONS} idle connections to it`)
    limitDescriptors(pid, openDescriptors(pid) + left)
    const sockets = await openIdle(context, id)
    try {
      // Connections between nodes break meanwhile, so that new ones are needed.
      if (random.chance(500)) cluster.links.reset()
      await randomPause(context, 2000, 8000)
    } finally {
      if (cluster.isRunning(id)) limitDescriptors(pid, normal)
      for (const socket of sockets) socket.destroy()
    }
  },
}

/** Opens connections that send nothing, to the port of a node. Some may be refused. */
async function openIdle(context: FaultContext, id: string): Promise<Socket[]> {
  const [host, port] = context.cluster.endpoint(id).split(':')
  const sockets = Array.from({ length: CONNECTIONS }, () => connect(Number(port), host))
  for (const socket of sockets) socket.on('error', () => undefined)
  await randomPause(context, 300, 600)
  return sockets
}

function openDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

function limitOf(pid: number): number {
  const output = execFileSync('prlimit', ['--pid', `${pid}`, '--nofile', '--output', 'SOFT', '--noheadings'])
  return Number(output.toString().trim())
}

/** Sets the soft limit of a running process. */
function limitDescriptors(pid: number, limit: number): void {
  execFileSync('prlimit', ['--pid', `${pid}`, `--nofile=${limit}:`])
}

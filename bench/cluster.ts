/** Starts the measured clusters of three processes: quorate, or the baseline. */
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { UsageResult } from './load.ts'
import { Worker } from './processes.ts'

/** Three processes, one of which is the leader and takes the load. */
export interface Cluster {
  readonly leader: Worker
  readonly workers: readonly Worker[]
}

export interface RaftCluster extends Cluster {
  readonly addresses: Readonly<Record<string, string>>
}

export async function startBaseline(directory: string): Promise<Cluster> {
  const start = (role: string, name: string, addresses: readonly string[]): Promise<Worker> =>
    Worker.start('./baseline-process.ts', [role, join(directory, name), ...addresses])
  const followers = await Promise.all(['s2', 's3'].map((name) => start('follower', name, [])))
  const leader = await start(
    'leader',
    's1',
    followers.map(({ ready }) => ready.address as string),
  )
  return { leader, workers: [leader, ...followers] }
}

export async function startRaft(
  directory: string,
  options: Readonly<Record<string, unknown>> = {},
): Promise<RaftCluster> {
  const ids = ['n1', 'n2', 'n3']
  const ports = await freePorts(ids.length)
  const addresses = Object.fromEntries(ids.map((id, offset) => [id, `127.0.0.1:${ports[offset]}`]))
  const workers = await Promise.all(ids.map((id) => startNodeProcess(directory, id, addresses, options)))
  const leader = await findLeader(workers)
  return { leader, workers, addresses }
}

export function startNodeProcess(
  directory: string,
  id: string,
  addresses: Readonly<Record<string, string>>,
  options: Readonly<Record<string, unknown>>,
  mode: 'member' | 'join' = 'member',
): Promise<Worker> {
  const listen = addresses[id] as string
  const argv = [id, listen, JSON.stringify(addresses), join(directory, id), JSON.stringify(options), mode]
  return Worker.start('./raft-process.ts', argv)
}

/** Waits until a worker is the leader. */
export async function findLeader(workers: readonly Worker[]): Promise<Worker> {
  const deadline = performance.now() + 15_000
  while (performance.now() < deadline) {
    for (const worker of workers) {
      const status = (await worker.call('status')) as { readonly role: string }
      if (status.role === 'leader') return worker
    }
    await pause(20)
  }
  throw new Error('no leader was elected within 15 s')
}

export async function usageOf({ workers }: Cluster): Promise<UsageResult & { readonly rssMaxBytes: number }> {
  const usages = await Promise.all(workers.map((worker) => worker.usage()))
  return {
    type: 'usage',
    cpuMicroseconds: usages.reduce((sum, { cpuMicroseconds }) => sum + cpuMicroseconds, 0),
    rssBytes: usages.reduce((sum, { rssBytes }) => sum + rssBytes, 0),
    rssMaxBytes: Math.max(...usages.map(({ rssBytes }) => rssBytes)),
  }
}

export async function stop({ workers }: Cluster): Promise<void> {
  await Promise.all(workers.map((worker) => worker.kill()))
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

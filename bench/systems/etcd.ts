/** The etcd server, loaded through its Go client. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { freeAddresses } from '../ports.ts'
import type { LoadRequest, LoadResult } from '../processes/load.ts'
import type { Usage } from '../processes/parent.ts'
import { killChild, startChild } from './children.ts'
import { peerBinary } from './peer-binary.ts'
import { type Cluster, type Setup, type System, until } from './system.ts'

const CLOCK_TICKS_PER_SECOND = 100
const PAGE_BYTES = 4096

export const etcd: System = {
  name: 'etcd server',
  kind: 'peer',
  description: 'the etcd server and its Go client with eight connections',
  missing: async () => {
    try {
      await Promise.all([peerBinary('etcd-server'), peerBinary('etcd-client')])
      return undefined
    } catch (error) {
      return (error as Error).message
    }
  },
  start: async (setup) => startCluster(await peerBinary('etcd-server'), await peerBinary('etcd-client'), setup),
}

async function startCluster(server: string, client: string, { directory, nodes }: Setup): Promise<Cluster> {
  const names = Array.from({ length: nodes }, (_, at) => `e${at + 1}`)
  const peers = await freeAddresses(nodes)
  const endpoints = await freeAddresses(nodes)
  const all = names.map((name, at) => `${name}=http://${peers[at]}`).join(',')
  const children = names.map((name, at) => {
    const [peer, listen] = [`http://${peers[at]}`, `http://${endpoints[at]}`]
    const flags = {
      ...{ name, 'data-dir': join(directory, name), 'initial-cluster': all, 'log-level': 'error' },
      ...{ 'listen-peer-urls': peer, 'initial-advertise-peer-urls': peer },
      ...{ 'listen-client-urls': listen, 'advertise-client-urls': listen },
      'quota-backend-bytes': '8589934592',
    }
    const options = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`)
    return startChild(server, options, 'ignore')
  })
  await until(async () => await isHealthy(endpoints[0] as string), 'the start of etcd')
  const loader = startChild(client, [`-endpoints=${endpoints}`], ['pipe', 'pipe', 'ignore'])
  const lines = createInterface({ input: loader.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]()
  return {
    loadAsClient: async (request: LoadRequest): Promise<LoadResult> => {
      loader.stdin?.write(`${JSON.stringify(request)}\n`)
      return JSON.parse((await lines.next()).value as string) as LoadResult
    },
    usages: () => Promise.all(children.map(({ pid }) => usageOf(pid as number))),
    stop: async () => {
      await Promise.all([...children, loader].map(killChild))
    },
  }
}

async function isHealthy(endpoint: string): Promise<boolean> {
  try {
    const { health } = (await (await fetch(`http://${endpoint}/health`)).json()) as { readonly health: string }
    return health === 'true'
  } catch {
    return false
  }
}

/** From /proc, as the server is not ours. */
async function usageOf(pid: number): Promise<Usage> {
  const [stat, statm] = await Promise.all([
    readFile(`/proc/${pid}/stat`, 'utf8'),
    readFile(`/proc/${pid}/statm`, 'utf8'),
  ])
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ticks = Number(fields[11]) + Number(fields[12])
  return {
    cpuMicroseconds: (ticks * 1e6) / CLOCK_TICKS_PER_SECOND,
    rssBytes: Number(statm.split(' ')[1]) * PAGE_BYTES,
    heapBytes: 0,
  }
}

/** The built package, with one of its storages and one of its transports between nodes. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assertBuilt } from '../built-processes.ts'
import { freeAddresses } from '../ports.ts'
import type { NodeArguments, NodeState } from '../processes/node.ts'
import { Worker } from '../worker.ts'
import { type Cluster, type Setup, SHORT_TIMEOUT_MS, type System, until } from './system.ts'

export interface Wings {
  readonly storage: 'segments' | 'rocksdb'
  readonly transport: 'tcp' | 'grpc'
}

const SHORT_TIMEOUTS = {
  ...{ electionTimeoutMinMs: SHORT_TIMEOUT_MS, electionTimeoutMaxMs: 2 * SHORT_TIMEOUT_MS },
  heartbeatIntervalMs: SHORT_TIMEOUT_MS / 5,
}
/** What `quorate serve` has by default. */
const HEAP_GROWTH_PERCENT = 300
const NEVER = Number.MAX_SAFE_INTEGER
const WITHOUT_SNAPSHOTS = {
  ...{ snapshotEntries: NEVER, snapshotBlocks: NEVER, snapshotBytes: NEVER, snapshotBytesMax: NEVER },
}

export function quorate(folder: string, { storage, transport }: Wings): System {
  const start = (setup: Setup): Promise<Cluster> =>
    startCluster(folder, setup, {
      ...{ storage, peerTransport: transport, heapGrowthPercent: HEAP_GROWTH_PERCENT },
      ...optionsOf(setup),
      ...setup.options,
    })
  return {
    name: `quorate ${storage}+${transport}`,
    kind: 'quorate',
    description: `three processes of this package, ${storage} on disk, ${transport} between nodes, heapGrowthPercent ${HEAP_GROWTH_PERCENT}`,
    start,
    missing: async () => {
      const directory = await mkdtemp(join(tmpdir(), 'quorate-bench-'))
      try {
        const cluster = await start({ directory, nodes: 1, timeouts: 'short', keepValues: false })
        await cluster.stop()
        return undefined
      } catch (error) {
        return (error as Error).message
      } finally {
        await rm(directory, { recursive: true, force: true })
      }
    },
  }
}

function optionsOf({ timeouts, trailingEntries, withoutSnapshots }: Setup): Record<string, unknown> {
  return {
    ...(timeouts === 'short' ? SHORT_TIMEOUTS : {}),
    ...(trailingEntries === undefined ? {} : { trailingEntries }),
    ...(withoutSnapshots === true ? WITHOUT_SNAPSHOTS : {}),
  }
}

async function startCluster(
  folder: string,
  { directory, nodes, keepValues }: Setup,
  options: Readonly<Record<string, unknown>>,
): Promise<Cluster> {
  const ids = Array.from({ length: nodes }, (_, at) => `n${at + 1}`)
  const listens = await freeAddresses(nodes)
  const peers = Object.fromEntries(ids.map((id, at) => [id, listens[at] as string]))
  const startNode = async (id: string, all: Readonly<Record<string, string>>, isJoin = false) => {
    const common = { id, listen: all[id] as string, peers: all, dataDir: join(directory, id), keepValues }
    const worker = await Worker.start<NodeState>(folder, 'node', {
      ...common,
      join: isJoin,
      options,
    } satisfies NodeArguments)
    assertBuilt(worker.ready.package)
    return worker
  }
  const workers: (Worker<NodeState> | undefined)[] = await Promise.all(ids.map((id) => startNode(id, peers)))
  const running = (): Worker<NodeState>[] => workers.filter((worker) => worker !== undefined)
  const state = async (member: number): Promise<NodeState> => (await workers[member]?.call('state')) as NodeState
  const leader = async (): Promise<number> => {
    let found = -1
    await until(async () => {
      const states = await Promise.all(workers.map((worker, at) => (worker === undefined ? undefined : state(at))))
      found = states.findIndex((each) => each?.isLeader === true)
      return found >= 0
    }, 'an election')
    return found
  }
  let client: Worker | undefined
  const clientOf = async (): Promise<Worker> => {
    client ??= await Worker.start(folder, 'client', listens)
    return client
  }
  const leading = async (): Promise<Worker<NodeState>> => workers[await leader()] as Worker<NodeState>
  await leader()
  return {
    load: async (request) => await (await leading()).load(request),
    loadAsClient: async (request) => await (await clientOf()).load(request),
    usages: () => Promise.all(running().map((worker) => worker.usage())),
    members: {
      leader,
      state,
      kill: async (member) => {
        await workers[member]?.kill()
        workers[member] = undefined
      },
      restart: async (member) => {
        workers[member] = await startNode(ids[member] as string, peers)
      },
      write: async () => void (await (await clientOf()).call('write')),
    },
    snapshots: {
      take: async (bytes) => {
        const begin = performance.now()
        const first = await leading()
        await first.call('takeSnapshot', bytes, 120_000)
        const seconds = (performance.now() - begin) / 1000
        // The followers' are needed too: a new member may fetch from one of them.
        for (const worker of running()) if (worker !== first) await worker.call('takeSnapshot', bytes, 120_000)
        return seconds
      },
      install: async () => {
        const [address = ''] = await freeAddresses(1)
        const id = `n${workers.length + 1}`
        const begin = performance.now()
        const joined = await startNode(id, { ...peers, [id]: address }, true)
        const at = workers.push(joined) - 1
        await (await leading()).call('addMember', { id, address })
        await until(async () => {
          const { snapshotIndex, applied } = await state(at)
          return snapshotIndex > 0 && applied >= snapshotIndex
        }, 'the installation of a snapshot')
        return (performance.now() - begin) / 1000
      },
    },
    stop: async () => {
      await Promise.all([client?.kill(), ...running().map((worker) => worker.kill())])
    },
  }
}

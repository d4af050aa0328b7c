/** A Raft library in Go, in programs of our own (bench/peers) that take the same load as ours, inside the leader's process. */
import type { ChildProcess } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { freeAddresses } from '../ports.ts'
import type { LoadRequest, LoadResult } from '../processes/load.ts'
import type { Usage } from '../processes/parent.ts'
import { killChild, startChild } from './children.ts'
import { peerBinary } from './peer-binary.ts'
import { type Cluster, type MemberState, type Setup, SHORT_TIMEOUT_MS, type System, until } from './system.ts'

/** The values that fill a state machine before a snapshot. */
const VALUE_BYTES = 64 * 1024

export function raftPeer(name: string, description: string, canSnapshot = false): System {
  return {
    name,
    kind: 'peer',
    description,
    missing: async () => {
      try {
        await peerBinary(name)
        return undefined
      } catch (error) {
        return (error as Error).message
      }
    },
    start: async (setup) => await startCluster(await peerBinary(name), setup, canSnapshot),
  }
}

async function startCluster(binary: string, setup: Setup, canSnapshot: boolean): Promise<Cluster> {
  const { directory, nodes, timeouts, keepValues } = setup
  const peers = await freeAddresses(nodes)
  const controls = await freeAddresses(nodes)
  const keeps = keepValues || setup.trailingEntries !== undefined
  const directoryOf = (member: number): string => join(directory, `p${member + 1}`)
  const children: (ChildProcess | undefined)[] = peers.map(() => undefined)
  const startMember = async (member: number, isNew: boolean): Promise<void> => {
    const flags = [
      `-id=${member + 1}`,
      `-dir=${directoryOf(member)}`,
      `-peers=${peers}`,
      `-control=${controls[member]}`,
    ]
    if (timeouts === 'short') flags.push(`-election=${SHORT_TIMEOUT_MS}`)
    const child = startChild(binary, [...flags, ...(keeps ? ['-keep'] : []), ...(isNew ? ['-new'] : [])], 'ignore')
    children[member] = child
    await until(() => isUp(member, child), `the start of ${binary}`)
  }
  const isUp = async (member: number, child: ChildProcess): Promise<boolean> => {
    if (child.exitCode !== null) throw new Error(`${binary} exited with ${child.exitCode}`)
    return await state(member).then(
      () => true,
      () => false,
    )
  }
  const request = async (member: number, path: string, body: object = {}): Promise<unknown> => {
    const response = await fetch(`http://${controls[member]}/${path}`, { method: 'POST', body: JSON.stringify(body) })
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`)
    return await response.json()
  }
  const state = async (member: number): Promise<MemberState> => {
    const { isLeader, applied } = (await request(member, 'state')) as MemberState
    return { isLeader, applied, snapshotIndex: 0, term: undefined }
  }
  try {
    await Promise.all(peers.map((_, member) => startMember(member, true)))
  } catch (error) {
    await Promise.all(children.map((child) => child && killChild(child)))
    throw error
  }
  const running = (): number[] => [...children.keys()].filter((member) => children[member] !== undefined)
  const leader = async (): Promise<number> => {
    let found: number | undefined
    await until(async () => {
      const states = await Promise.all(running().map(async (member) => ({ member, ...(await state(member)) })))
      found = states.find(({ isLeader }) => isLeader)?.member
      return found !== undefined
    }, 'an election')
    return found as number
  }
  const kill = async (member: number): Promise<void> => {
    const child = children[member]
    children[member] = undefined
    if (child !== undefined) await killChild(child)
  }
  const load = async (body: LoadRequest): Promise<LoadResult> =>
    (await request(await leader(), 'load', body)) as LoadResult
  await leader()
  return {
    load,
    usages: async () => (await Promise.all(running().map((member) => request(member, 'usage')))) as Usage[],
    members: {
      leader,
      state,
      kill,
      restart: async (member) => {
        await startMember(member, false)
      },
      write: () =>
        until(async () => {
          const writes = running().map((member) => request(member, 'write', { bytes: 16 }))
          return (await Promise.allSettled(writes)).some(({ status }) => status === 'fulfilled')
        }, 'a write'),
    },
    ...(canSnapshot ? { snapshots: snapshotsOf() } : {}),
    stop: async () => {
      await Promise.all(running().map(kill))
    },
  }

  function snapshotsOf(): NonNullable<Cluster['snapshots']> {
    return {
      take: async (bytes) => {
        const fill = { operation: 'write', outstanding: 16, seconds: 120, bytes: VALUE_BYTES } as const
        await load({ ...fill, operationsMax: Math.ceil(bytes / VALUE_BYTES) })
        return (await request(await leader(), 'snapshot')) as number
      },
      /** A follower loses its disk: the library installs the snapshot on a member that it knows. */
      install: async () => {
        const member = ((await leader()) + 1) % nodes
        await kill(member)
        await rm(directoryOf(member), { recursive: true })
        const begin = performance.now()
        await startMember(member, false)
        await until(async () => (await request(member, 'restored')) as boolean, 'the installation of a snapshot')
        return (performance.now() - begin) / 1000
      },
    }
  }
}

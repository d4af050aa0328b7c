/** Faults of disks: damaged or wiped directories, full disks, and kills during a snapshot. */
import { closeSync, cpSync, openSync, readdirSync, readSync, rmSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { awaitRecovery } from './await-recovery.ts'
import type { Fault, FaultContext } from './fault-context.ts'
import {
  describeExit,
  EXIT_DO_NOT_RESTART,
  EXIT_IO,
  exitWithin,
  pause,
  pickNodes,
  randomPause,
  replaceNode,
  UnexpectedOutcome,
} from './fault-context.ts'

const MIB = 1024 * 1024
/** Less than the free space below which a leader steps down. Nodes check it every two seconds. */
const NEARLY_FULL_BYTES = 100 * MIB
const FULL_BYTES = 256 * 1024

/** How long a node may take to detect a fault of its disk. */
const DETECTION_TIMEOUT_MS = 20_000

/** Flips one to four bits: mostly in the largest files, which are most likely to be hit, and sometimes in small, more critical ones. */
function flipBits({ random }: FaultContext, directory: string): string[] {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => ({ name, stat: statSync(join(directory, name)) }))
    .filter(({ name, stat }) => stat.isFile() && stat.size > 0 && !name.endsWith('LOCK'))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  const large = [...files].sort((a, b) => b.stat.size - a.stat.size).slice(0, 3)
  return Array.from({ length: random.between(1, 4) }, () => {
    const { name, stat } = random.pick(random.chance(700) ? large : files)
    const position = random.below(stat.size)
    const file = openSync(join(directory, name), 'r+')
    const byte = Buffer.alloc(1)
    readSync(file, byte, 0, 1, position)
    byte[0] = (byte[0] ?? 0) ^ (1 << random.below(8))
    writeSync(file, byte, 0, 1, position)
    closeSync(file)
    return `${name}@${position}`
  })
}

export const DISK_FAULTS: Readonly<Record<string, Fault>> = {
  'flip bits': async (context) => {
    const { cluster, log } = context
    const [id] = pickNodes(context, 1) as [string]
    await cluster.kill(id)
    log(`flip bits of ${id}: ${flipBits(context, cluster.directoryOf(id)).join(', ')}`)
    cluster.start(id)
    const exit = await exitWithin(context, id, context.random.between(2500, 6000))
    if (exit === undefined) log(`${id} started despite the damage`)
    else if (exit.exitCode === EXIT_DO_NOT_RESTART || exit.exitCode === EXIT_IO || exit.signal !== null)
      log(`rejected: ${describeExit(id, exit).split('\n')[0]}`)
    else throw new UnexpectedOutcome(`after damage to its files ${describeExit(id, exit)}`)
    await replaceNode(context, id)
  },
  'wipe a disk': async (context) => {
    const { cluster, log } = context
    const [id] = pickNodes(context, 1) as [string]
    await cluster.kill(id)
    rmSync(cluster.directoryOf(id), { recursive: true })
    log(`wipe the directory of ${id} and start it`)
    cluster.start(id)
    const exit = await exitWithin(context, id, DETECTION_TIMEOUT_MS)
    if (exit?.exitCode !== EXIT_DO_NOT_RESTART)
      throw new UnexpectedOutcome(`${id} takes part although its directory is empty`)
    await replaceNode(context, id)
  },
  'kill during a snapshot': async (context) => {
    const { cluster, log } = context
    const [id] = pickNodes(context, 1) as [string]
    log(`take a snapshot on ${id} and kill it during that`)
    const taking = cluster.adminClient.takeSnapshot({ endpoint: cluster.endpoint(id) }).catch(() => undefined)
    await pause(context, context.random.below(40))
    await cluster.kill(id)
    await taking
    cluster.start(id)
  },
}

/** Faults of the one node with a small disk. In half of them that node is made the leader first. */
export const TINY_DISK_FAULTS: Readonly<Record<string, Fault>> = {
  'disk nearly full': async (context) => {
    const { id, disk } = await tinyDiskNodeOf(context)
    context.log(`leave ${NEARLY_FULL_BYTES / MIB} MiB free on the disk of ${id}`)
    disk.fill(NEARLY_FULL_BYTES)
    try {
      await context.cluster.leader(id, DETECTION_TIMEOUT_MS).catch((error: Error) => {
        throw new UnexpectedOutcome(`${id} keeps leading with an almost full disk: ${error.message}`)
      })
      await randomPause(context, 500, 4000)
    } finally {
      disk.clear()
    }
  },
  'disk full': async (context) => {
    const { cluster, log } = context
    const { id, disk } = await tinyDiskNodeOf(context)
    log(`fill the disk of ${id}`)
    disk.fill(FULL_BYTES)
    const exit = await exitWithin(context, id, DETECTION_TIMEOUT_MS)
    disk.clear()
    if (exit === undefined) return log(`${id} did not write`)
    if (exit.exitCode !== EXIT_IO) throw new UnexpectedOutcome(`with a full disk ${describeExit(id, exit)}`)
    log(`free space and start ${id}: ${describeExit(id, exit).split('\n')[0]}`)
    cluster.start(id)
  },
}

async function tinyDiskNodeOf(context: FaultContext): Promise<NonNullable<FaultContext['tinyDiskNode']>> {
  const { tinyDiskNode, cluster, random } = context
  if (tinyDiskNode === undefined) throw new Error('there is no node with a small disk')
  if (random.chance(500)) await cluster.adminClient.transferLeadership({ to: tinyDiskNode.id }).catch(() => undefined)
  return tinyDiskNode
}

/** Faults that Raft does not survive: they lose acknowledged writes, and the check must detect it. */
export const UNSURVIVABLE_FAULTS: Readonly<Record<string, Fault>> = {
  'restore old copies': async (context) => {
    const { cluster, log } = context
    const copyOf = (id: string): string => `${cluster.directoryOf(id)}-copy`
    log('kill all nodes, copy their directories and start all')
    await Promise.all(cluster.ids.map((id) => cluster.kill(id)))
    for (const id of cluster.ids) cpSync(cluster.directoryOf(id), copyOf(id), { recursive: true })
    for (const id of cluster.ids) cluster.start(id)
    await awaitRecovery(context)
    await pause(context, 1000)
    log('kill all nodes, restore the copies and start all')
    await Promise.all(cluster.ids.map((id) => cluster.kill(id)))
    for (const id of cluster.ids) {
      rmSync(cluster.directoryOf(id), { recursive: true })
      cpSync(copyOf(id), cluster.directoryOf(id), { recursive: true })
      cluster.start(id)
    }
  },
}

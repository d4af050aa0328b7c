/** Disks that are full, damaged, wiped, or cut off from power while they are written to. */
import { closeSync, cpSync, openSync, readdirSync, readSync, rmSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { ProcessExit } from '../cluster/process-cluster.ts'
import { awaitRecovery } from './await-recovery.ts'
import type { Fault, FaultContext } from './fault-context.ts'
import {
  describeExit,
  EXIT_DO_NOT_RESTART,
  EXIT_IO,
  pause,
  pickNodes,
  randomPause,
  replaceNode,
  UnexpectedOutcome,
} from './fault-context.ts'

const MIB = 1024 * 1024
/** Below what a node wants to have free, and what it looks for every two seconds. */
const NEARLY_FULL_BYTES = 100 * MIB
const FULL_BYTES = 256 * 1024

/** How long a node has to notice what is wrong with its disk. */
const DETECTION_TIMEOUT_MS = 20_000

async function exitWithin(stage: FaultContext, id: string, ms: number): Promise<ProcessExit | undefined> {
  const limit = pause(stage, ms).then(() => undefined)
  const ended = await Promise.race([stage.cluster.exitOf(id), limit])
  limit.catch(() => undefined)
  return ended
}

/** Flips a few bits: mostly of large files, for these have more of them, sometimes of small ones, for these matter more. */
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
  'flip bits': async (stage) => {
    const { cluster, say } = stage
    const [id] = pickNodes(stage, 1) as [string]
    await cluster.kill(id)
    say(`flip bits of ${id}: ${flipBits(stage, cluster.directoryOf(id)).join(', ')}`)
    cluster.start(id)
    const ended = await exitWithin(stage, id, stage.random.between(2500, 6000))
    if (ended === undefined) say(`${id} has started all the same`)
    else if (ended.exitCode === EXIT_DO_NOT_RESTART || ended.exitCode === EXIT_IO || ended.signal !== null)
      say(`refused: ${describeExit(id, ended).split('\n')[0]}`)
    else throw new UnexpectedOutcome(`with damaged files ${describeExit(id, ended)}`)
    await replaceNode(stage, id)
  },
  'wipe a disk': async (stage) => {
    const { cluster, say } = stage
    const [id] = pickNodes(stage, 1) as [string]
    await cluster.kill(id)
    rmSync(cluster.directoryOf(id), { recursive: true })
    say(`wipe ${id}, and start it as if nothing had happened`)
    cluster.start(id)
    const ended = await exitWithin(stage, id, DETECTION_TIMEOUT_MS)
    if (ended?.exitCode !== EXIT_DO_NOT_RESTART)
      throw new UnexpectedOutcome(`${id} takes part with an empty directory, as if it had forgotten nothing`)
    await replaceNode(stage, id)
  },
  'kill during a snapshot': async (stage) => {
    const { cluster, say } = stage
    const [id] = pickNodes(stage, 1) as [string]
    say(`take a snapshot on ${id}, and kill it meanwhile`)
    const taking = cluster.adminClient.takeSnapshot({ endpoint: cluster.endpoint(id) }).catch(() => undefined)
    await pause(stage, stage.random.below(40))
    await cluster.kill(id)
    await taking
    cluster.start(id)
  },
}

/** Of the one node that has a disk of its own; it is made leader first, half of the time. */
export const TINY_DISK_FAULTS: Readonly<Record<string, Fault>> = {
  'disk nearly full': async (stage) => {
    const { id, disk } = await tinyDiskNodeOf(stage)
    stage.say(`leave ${NEARLY_FULL_BYTES / MIB} MiB on the disk of ${id}`)
    disk.fill(NEARLY_FULL_BYTES)
    try {
      await stage.cluster.leader(id, DETECTION_TIMEOUT_MS).catch((error: Error) => {
        throw new UnexpectedOutcome(`${id} keeps leadership with a disk that is nearly full: ${error.message}`)
      })
      await randomPause(stage, 500, 4000)
    } finally {
      disk.clear()
    }
  },
  'disk full': async (stage) => {
    const { cluster, say } = stage
    const { id, disk } = await tinyDiskNodeOf(stage)
    say(`fill the disk of ${id}`)
    disk.fill(FULL_BYTES)
    const ended = await exitWithin(stage, id, DETECTION_TIMEOUT_MS)
    disk.clear()
    if (ended === undefined) return say(`${id} had nothing to write`)
    if (ended.exitCode !== EXIT_IO) throw new UnexpectedOutcome(`with a full disk ${describeExit(id, ended)}`)
    say(`make room, and start ${id}: ${describeExit(id, ended).split('\n')[0]}`)
    cluster.start(id)
  },
}

async function tinyDiskNodeOf(stage: FaultContext): Promise<NonNullable<FaultContext['tiny']>> {
  const { tiny, cluster, random } = stage
  if (tiny === undefined) throw new Error('no disk can be filled here')
  if (random.chance(500)) await cluster.adminClient.transferLeadership({ to: tiny.id }).catch(() => undefined)
  return tiny
}

/** Not a fault but a crime: acknowledged writes are lost, and the judge must say so. */
export const UNSURVIVABLE_FAULTS: Readonly<Record<string, Fault>> = {
  'restore old copies': async (stage) => {
    const { cluster, say } = stage
    const copyOf = (id: string): string => `${cluster.directoryOf(id)}-copy`
    say('kill all, copy every directory, and start all')
    await Promise.all(cluster.ids.map((id) => cluster.kill(id)))
    for (const id of cluster.ids) cpSync(cluster.directoryOf(id), copyOf(id), { recursive: true })
    for (const id of cluster.ids) cluster.start(id)
    await awaitRecovery(stage)
    await pause(stage, 1000)
    say('kill all, put the copies back, and start all')
    await Promise.all(cluster.ids.map((id) => cluster.kill(id)))
    for (const id of cluster.ids) {
      rmSync(cluster.directoryOf(id), { recursive: true })
      cpSync(copyOf(id), cluster.directoryOf(id), { recursive: true })
      cluster.start(id)
    }
  },
}

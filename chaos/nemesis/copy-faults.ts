/** Faults of copied directories: one that goes back to an older copy, and a copy that runs beside the original. */
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from '../cluster/eventually.ts'
import type { ProcessExit } from '../cluster/process-cluster.ts'
import { awaitRecovery } from './await-recovery.ts'
import type { Fault, FaultContext } from './fault-context.ts'
import {
  describeExit,
  EXIT_DO_NOT_RESTART,
  exitWithin,
  leaderOf,
  pickNodes,
  RECOVERY_TIMEOUT_MS,
  randomPause,
  replaceNode,
  UnexpectedOutcome,
} from './fault-context.ts'

/** How long a node may take to notice that its directory is an older copy, or is in use twice. */
const DETECTION_TIMEOUT_MS = 20_000

/** What stops a node that has proof: its directory has gone back, is in use twice, or contradicts what is committed. */
const PROOF = /ERR_RAFT_(DIRECTORY_ROLLED_BACK|DUPLICATE_DIRECTORY|DUPLICATE_NODE|DIVERGED)/

export const COPY_FAULTS: Readonly<Record<string, Fault>> = {
  'roll back a disk': async (context) => {
    const { cluster, log, random } = context
    const [id] = pickNodes(context, 1) as [string]
    const copy = join(cluster.directory, `${id}-older`)
    const how = await copyDirectory(context, id, copy)
    await randomPause(context, 500, 2500)
    log(`kill ${id}, put back the copy of its directory that was made while it ${how}`)
    await stopBeforeCopyStarts(context, id)
    replaceDirectory(copy, cluster.directoryOf(id))
    const others = cluster.ids.filter((each) => each !== id)
    const killed = random.pick([[], [], [await leaderOf(context)], others]).filter((each) => each !== id)
    if (killed.length > 0) log(`kill ${killed.join(', ')} too`)
    await Promise.all(killed.map((each) => cluster.kill(each)))
    cluster.start(id)
    if (killed.length > 0) await randomPause(context, 0, 2000)
    for (const each of killed) cluster.start(each)
    await expectEnd(context, id, how === 'ran')
    await replaceNode(context, id)
  },
  'clone a disk': async (context) => {
    const { cluster, random, log } = context
    const [id] = pickNodes(context, 1) as [string]
    const copy = join(cluster.directory, `${id}-clone`)
    const how = await copyDirectory(context, id, copy)
    const isCut = random.chance(400)
    if (how === 'ran') await stopBeforeCopyStarts(context, id)
    else await randomPause(context, 0, 1500)
    if (isCut) for (const other of cluster.ids) if (other !== id) cluster.links.cut(id, other)
    log(`start a clone of ${id}, copied while it ${how}, ${isCut ? 'while it is cut off' : 'beside it'}`)
    const clone = await cluster.startClone(id, copy)
    try {
      if (how === 'ran') cluster.start(id)
      if (isCut) await randomPause(context, 1000, 4000)
      if (isCut) cluster.links.heal()
      const ends = [
        exitWithin(context, id, DETECTION_TIMEOUT_MS).then((exit) => ({ name: id, exit })),
        clone.finished.then((exit) => ({ name: `the clone of ${id}`, exit })),
      ]
      const { name, exit } = await Promise.race(ends)
      if (exit === undefined) throw new UnexpectedOutcome(`${id} runs twice, and neither process stops`)
      expectProof(context, name, exit)
      await randomPause(context, 0, 1000)
    } finally {
      clone.child.kill('SIGKILL')
      await clone.finished
      rmSync(copy, { recursive: true, force: true })
    }
    await replaceNode(context, id)
  },
}

/** Copies a directory, either of a stopped process, which is then started again, or at one moment of a running one. */
async function copyDirectory(context: FaultContext, id: string, copy: string): Promise<'ran' | 'was stopped'> {
  const { cluster, random } = context
  rmSync(copy, { recursive: true, force: true })
  if (random.chance(500)) {
    await cluster.kill(id)
    cpSync(cluster.directoryOf(id), copy, { recursive: true })
    cluster.start(id)
    await awaitRecovery(context)
    return 'was stopped'
  }
  cluster.sendSignal(id, 'SIGSTOP')
  try {
    cpSync(cluster.directoryOf(id), copy, { recursive: true })
  } finally {
    cluster.sendSignal(id, 'SIGCONT')
  }
  return 'ran'
}

function replaceDirectory(from: string, to: string): void {
  rmSync(to, { recursive: true })
  cpSync(from, to, { recursive: true })
  rmSync(from, { recursive: true })
}

/** Kills a node and commits a write without it: the others now have everything that was acknowledged, also what a copy of it lacks. */
async function stopBeforeCopyStarts({ cluster }: FaultContext, id: string): Promise<void> {
  await cluster.kill(id)
  const value = Buffer.from('committed without the node that has forgotten')
  const write = { type: 'put', key: 'nemesis', value } as const
  await eventually('a write on the others', () => cluster.adminClient.propose(write), RECOVERY_TIMEOUT_MS)
}

/**
 * A node with an older copy of its directory stops with proof. It may catch up instead if `mayCatchUp`: a copy that was made while it
 * ran has every boot, and after a restart of the leader no node remembers what it has acknowledged.
 */
async function expectEnd(context: FaultContext, id: string, mayCatchUp: boolean): Promise<void> {
  const { cluster, log } = context
  const goal = Math.max(0, ...(await cluster.statuses()).map(({ commitIndex }) => commitIndex))
  const hasCaughtUp = await eventually(
    `the end of ${id}`,
    async () => {
      if (!cluster.isRunning(id)) return false
      const status = (await cluster.statuses()).find((each) => each.id === id)
      return mayCatchUp && status !== undefined && status.appliedIndex > goal ? true : undefined
    },
    DETECTION_TIMEOUT_MS,
  ).catch((error: Error) => {
    throw new UnexpectedOutcome(`${id} continues with an older copy of its directory: ${error.message}`)
  })
  if (hasCaughtUp) log(`${id} has caught up`)
  else expectProof(context, id, await cluster.exitOf(id))
}

function expectProof({ log }: FaultContext, name: string, exit: ProcessExit): void {
  const how = describeExit(name, exit)
  if (exit.exitCode !== EXIT_DO_NOT_RESTART || !PROOF.test(exit.stderr))
    throw new UnexpectedOutcome(`with a copy of a directory ${how}`)
  log(`stopped: ${how.split('\n')[0]}`)
}

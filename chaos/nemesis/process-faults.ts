/** Faults of processes: kills, suspensions and restarts. */

import { awaitRecovery } from './await-recovery.ts'
import type { Fault, FaultContext } from './fault-context.ts'
import {
  describeExit,
  leaderOf,
  majoritySize,
  pause,
  pickNodes,
  randomPause,
  UnexpectedOutcome,
} from './fault-context.ts'

async function killAndRestart(context: FaultContext, ids: readonly string[]): Promise<void> {
  const { cluster, log } = context
  log(`kill ${ids.join(', ')}`)
  await Promise.all(ids.map((id) => cluster.kill(id)))
  await randomPause(context, 200, 3000)
  log(`start ${ids.join(', ')}`)
  for (const id of ids) cluster.start(id)
}

/** Suspends processes for longer than an election timeout. Their clocks continue. */
async function suspend(context: FaultContext, ids: readonly string[]): Promise<void> {
  const { cluster, log } = context
  const ms = context.random.between(900, 4000)
  log(`suspend ${ids.join(', ')} for ${ms} ms`)
  for (const id of ids) cluster.sendSignal(id, 'SIGSTOP')
  try {
    await pause(context, ms)
  } finally {
    for (const id of ids) cluster.sendSignal(id, 'SIGCONT')
  }
}

export const PROCESS_FAULTS: Readonly<Record<string, Fault>> = {
  'kill one': (context) => killAndRestart(context, pickNodes(context, 1)),
  'kill the leader': async (context) => killAndRestart(context, [await leaderOf(context)]),
  'kill a majority': (context) => killAndRestart(context, pickNodes(context, majoritySize(context))),
  'kill all': (context) => killAndRestart(context, context.cluster.ids),
  'kill again while starting': async (context) => {
    const { cluster, random, log } = context
    const ids = pickNodes(context, majoritySize(context))
    await killAndRestart(context, ids)
    for (let round = random.between(1, 4); round > 0; round--) {
      const id = random.pick(ids)
      await pause(context, random.between(20, 900))
      log(`kill ${id} while it starts, and start it again`)
      await cluster.kill(id)
      cluster.start(id)
    }
  },
  'stop one': (context) => suspend(context, pickNodes(context, 1)),
  'stop the leader': async (context) => suspend(context, [await leaderOf(context)]),
  'stop a majority': (context) => suspend(context, pickNodes(context, majoritySize(context))),
  'restart one after the other': async (context) => {
    const { cluster, log } = context
    for (const id of [...cluster.ids]) {
      log(`stop ${id} gracefully and start it`)
      cluster.sendSignal(id, 'SIGTERM')
      const exit = await cluster.exitOf(id)
      if (exit.exitCode !== 0) throw new UnexpectedOutcome(`after SIGTERM ${describeExit(id, exit)}`)
      cluster.start(id)
      await awaitRecovery(context)
    }
  },
}

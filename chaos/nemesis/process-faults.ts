/** Processes that are killed, stopped and restarted. */

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

async function killAndRestart(stage: FaultContext, ids: readonly string[]): Promise<void> {
  const { cluster, say } = stage
  say(`kill ${ids.join(', ')}`)
  await Promise.all(ids.map((id) => cluster.kill(id)))
  await randomPause(stage, 200, 3000)
  say(`start ${ids.join(', ')}`)
  for (const id of ids) cluster.start(id)
}

/** For longer than an election timeout; the clock of a stopped process goes on. */
async function suspend(stage: FaultContext, ids: readonly string[]): Promise<void> {
  const { cluster, say } = stage
  const ms = stage.random.between(900, 4000)
  say(`stop ${ids.join(', ')} for ${ms} ms`)
  for (const id of ids) cluster.sendSignal(id, 'SIGSTOP')
  try {
    await pause(stage, ms)
  } finally {
    for (const id of ids) cluster.sendSignal(id, 'SIGCONT')
  }
}

export const PROCESS_FAULTS: Readonly<Record<string, Fault>> = {
  'kill one': (stage) => killAndRestart(stage, pickNodes(stage, 1)),
  'kill the leader': async (stage) => killAndRestart(stage, [await leaderOf(stage)]),
  'kill a majority': (stage) => killAndRestart(stage, pickNodes(stage, majoritySize(stage))),
  'kill all': (stage) => killAndRestart(stage, stage.cluster.ids),
  'kill again while starting': async (stage) => {
    const { cluster, random, say } = stage
    const ids = pickNodes(stage, majoritySize(stage))
    await killAndRestart(stage, ids)
    for (let round = random.between(1, 4); round > 0; round--) {
      const id = random.pick(ids)
      await pause(stage, random.between(20, 900))
      say(`kill ${id}, that starts, and start it`)
      await cluster.kill(id)
      cluster.start(id)
    }
  },
  'stop one': (stage) => suspend(stage, pickNodes(stage, 1)),
  'stop the leader': async (stage) => suspend(stage, [await leaderOf(stage)]),
  'stop a majority': (stage) => suspend(stage, pickNodes(stage, majoritySize(stage))),
  'restart one after the other': async (stage) => {
    const { cluster, say } = stage
    for (const id of [...cluster.ids]) {
      say(`end ${id} in order, and start it`)
      cluster.sendSignal(id, 'SIGTERM')
      const ended = await cluster.exitOf(id)
      if (ended.exitCode !== 0) throw new UnexpectedOutcome(`told to end in order, ${describeExit(id, ended)}`)
      cluster.start(id)
      await awaitRecovery(stage)
    }
  },
}

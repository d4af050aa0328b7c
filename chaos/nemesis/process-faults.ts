/** Processes that are killed, stopped and restarted. */
import type { Fault, Stage } from './stage.ts'
import { endedHow, Finding, leaderOf, majority, pause, pauseBetween, some } from './stage.ts'
import { whole } from './whole.ts'

async function killed(stage: Stage, ids: readonly string[]): Promise<void> {
  const { cluster, say } = stage
  say(`kill ${ids.join(', ')}`)
  await Promise.all(ids.map((id) => cluster.kill(id)))
  await pauseBetween(stage, 200, 3000)
  say(`start ${ids.join(', ')}`)
  for (const id of ids) cluster.start(id)
}

/** For longer than an election timeout; the clock of a stopped process goes on. */
async function stopped(stage: Stage, ids: readonly string[]): Promise<void> {
  const { cluster, say } = stage
  const ms = stage.random.between(900, 4000)
  say(`stop ${ids.join(', ')} for ${ms} ms`)
  for (const id of ids) cluster.signal(id, 'SIGSTOP')
  try {
    await pause(stage, ms)
  } finally {
    for (const id of ids) cluster.signal(id, 'SIGCONT')
  }
}

export const PROCESS_FAULTS: Readonly<Record<string, Fault>> = {
  'kill one': (stage) => killed(stage, some(stage, 1)),
  'kill the leader': async (stage) => killed(stage, [await leaderOf(stage)]),
  'kill a majority': (stage) => killed(stage, some(stage, majority(stage))),
  'kill all': (stage) => killed(stage, stage.cluster.ids),
  'kill again while starting': async (stage) => {
    const { cluster, random, say } = stage
    const ids = some(stage, majority(stage))
    await killed(stage, ids)
    for (let round = random.between(1, 4); round > 0; round--) {
      const id = random.pick(ids)
      await pause(stage, random.between(20, 900))
      say(`kill ${id}, that starts, and start it`)
      await cluster.kill(id)
      cluster.start(id)
    }
  },
  'stop one': (stage) => stopped(stage, some(stage, 1)),
  'stop the leader': async (stage) => stopped(stage, [await leaderOf(stage)]),
  'stop a majority': (stage) => stopped(stage, some(stage, majority(stage))),
  'restart one after the other': async (stage) => {
    const { cluster, say } = stage
    for (const id of [...cluster.ids]) {
      say(`end ${id} in order, and start it`)
      cluster.signal(id, 'SIGTERM')
      const ended = await cluster.ended(id)
      if (ended.exitCode !== 0) throw new Finding(`told to end in order, ${endedHow(id, ended)}`)
      cluster.start(id)
      await whole(stage)
    }
  },
}

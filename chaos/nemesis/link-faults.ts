/** Links that lose, hold, delay, and break what goes between the nodes. */
import type { LinkCondition } from '../cluster/pipe.ts'
import type { Fault, FaultContext } from './fault-context.ts'
import { leaderOf, pause, pickNodes, randomPause } from './fault-context.ts'

const DROP: LinkCondition = { type: 'drop' }
const HOLD: LinkCondition = { type: 'hold' }

/** So long that everybody notices, and a new leader can be elected. */
async function waitThenHeal(stage: FaultContext, what: string): Promise<void> {
  const ms = stage.random.between(1200, 6000)
  stage.say(`${what}, for ${ms} ms`)
  await pause(stage, ms)
  stage.cluster.links.heal()
}

function othersThan({ cluster }: FaultContext, id: string): string[] {
  return cluster.ids.filter((other) => other !== id)
}

function allDirections({ cluster: { ids } }: FaultContext): (readonly [from: string, to: string])[] {
  return ids.flatMap((from) => ids.filter((to) => to !== from).map((to) => [from, to] as const))
}

function pickPair(stage: FaultContext): [string, string] {
  return pickNodes(stage, 2) as [string, string]
}

export const LINK_FAULTS: Readonly<Record<string, Fault>> = {
  'isolate the leader': async (stage) => {
    const leader = await leaderOf(stage)
    for (const other of othersThan(stage, leader)) stage.cluster.links.cut(leader, other)
    await waitThenHeal(stage, `cut ${leader} off`)
  },
  'mute the leader': async (stage) => {
    const leader = await leaderOf(stage)
    for (const other of othersThan(stage, leader)) stage.cluster.links.set(leader, other, DROP)
    await waitThenHeal(stage, `nobody hears ${leader}, which hears everybody`)
  },
  'deafen the leader': async (stage) => {
    const leader = await leaderOf(stage)
    for (const other of othersThan(stage, leader)) stage.cluster.links.set(other, leader, DROP)
    await waitThenHeal(stage, `${leader} hears nobody, and everybody hears it`)
  },
  'cut a pair': async (stage) => {
    const [one, other] = pickPair(stage)
    stage.cluster.links.cut(one, other)
    await waitThenHeal(stage, `cut ${one} and ${other}`)
  },
  'cut one way': async (stage) => {
    const [from, to] = stage.random.pick(allDirections(stage))
    stage.cluster.links.set(from, to, DROP)
    await waitThenHeal(stage, `${to} does not hear ${from}`)
  },
  'cut all': async (stage) => {
    for (const [from, to] of allDirections(stage)) stage.cluster.links.set(from, to, DROP)
    await waitThenHeal(stage, 'nobody hears anybody')
  },
  'hold what is sent': async (stage) => {
    const leader = await leaderOf(stage)
    for (const other of othersThan(stage, leader)) {
      stage.cluster.links.set(leader, other, HOLD)
      stage.cluster.links.set(other, leader, HOLD)
    }
    await waitThenHeal(stage, `hold all to and from ${leader}, and deliver it late`)
  },
  'flapping link': async (stage) => {
    const { links } = stage.cluster
    const [one, other] = pickPair(stage)
    const rounds = stage.random.between(4, 14)
    stage.say(`cut and mend ${one} and ${other} ${rounds} times`)
    for (let round = 0; round < rounds; round++) {
      links.cut(one, other)
      await randomPause(stage, 50, 900)
      links.heal(one, other)
      await randomPause(stage, 50, 600)
    }
  },
  'slow links': async (stage) => {
    const delayMs = stage.random.between(20, 300)
    const bytesPerSecond = stage.random.between(30_000, 2_000_000)
    for (const [from, to] of allDirections(stage)) {
      if (stage.random.chance(700)) stage.cluster.links.set(from, to, { type: 'slow', delayMs, bytesPerSecond })
    }
    await waitThenHeal(stage, `some ways take ${delayMs} ms and ${bytesPerSecond} bytes a second`)
  },
  'reset connections': async (stage) => {
    const rounds = stage.random.between(3, 12)
    stage.say(`break every connection ${rounds} times`)
    for (let round = 0; round < rounds; round++) {
      stage.cluster.links.reset()
      await randomPause(stage, 20, 700)
    }
  },
}

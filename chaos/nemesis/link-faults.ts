/** Faults of links: dropped, held and delayed bytes, and broken connections. */
import type { PipeCondition } from '../../src/testing/network/pipe.ts'
import type { Fault, FaultContext } from './fault-context.ts'
import { leaderOf, pause, pickNodes, randomPause } from './fault-context.ts'

const DROP: PipeCondition = { type: 'drop' }
const HOLD: PipeCondition = { type: 'hold' }

/** Keeps the current faults of links for longer than an election, then heals all links. */
async function waitThenHeal(context: FaultContext, action: string): Promise<void> {
  const ms = context.random.between(1200, 6000)
  context.log(`${action} for ${ms} ms`)
  await pause(context, ms)
  context.cluster.links.heal()
}

function othersThan({ cluster }: FaultContext, id: string): string[] {
  return cluster.ids.filter((other) => other !== id)
}

function allDirections({ cluster: { ids } }: FaultContext): (readonly [from: string, to: string])[] {
  return ids.flatMap((from) => ids.filter((to) => to !== from).map((to) => [from, to] as const))
}

function pickPair(context: FaultContext): [string, string] {
  return pickNodes(context, 2) as [string, string]
}

export const LINK_FAULTS: Readonly<Record<string, Fault>> = {
  'isolate the leader': async (context) => {
    const leader = await leaderOf(context)
    for (const other of othersThan(context, leader)) context.cluster.links.cut(leader, other)
    await waitThenHeal(context, `isolate ${leader}`)
  },
  'drop what the leader sends': async (context) => {
    const leader = await leaderOf(context)
    for (const other of othersThan(context, leader)) context.cluster.links.set(leader, other, DROP)
    await waitThenHeal(context, `drop everything that ${leader} sends`)
  },
  'drop what the leader receives': async (context) => {
    const leader = await leaderOf(context)
    for (const other of othersThan(context, leader)) context.cluster.links.set(other, leader, DROP)
    await waitThenHeal(context, `drop everything that is sent to ${leader}`)
  },
  'cut a pair': async (context) => {
    const [one, other] = pickPair(context)
    context.cluster.links.cut(one, other)
    await waitThenHeal(context, `cut the link between ${one} and ${other}`)
  },
  'cut one way': async (context) => {
    const [from, to] = context.random.pick(allDirections(context))
    context.cluster.links.set(from, to, DROP)
    await waitThenHeal(context, `drop everything from ${from} to ${to}`)
  },
  'cut all': async (context) => {
    for (const [from, to] of allDirections(context)) context.cluster.links.set(from, to, DROP)
    await waitThenHeal(context, 'cut all links')
  },
  'hold what is sent': async (context) => {
    const leader = await leaderOf(context)
    for (const other of othersThan(context, leader)) {
      context.cluster.links.set(leader, other, HOLD)
      context.cluster.links.set(other, leader, HOLD)
    }
    await waitThenHeal(context, `hold everything to and from ${leader}`)
  },
  'flapping link': async (context) => {
    const { links } = context.cluster
    const [one, other] = pickPair(context)
    const rounds = context.random.between(4, 14)
    context.log(`cut and heal the link between ${one} and ${other} ${rounds} times`)
    for (let round = 0; round < rounds; round++) {
      links.cut(one, other)
      await randomPause(context, 50, 900)
      links.heal(one, other)
      await randomPause(context, 50, 600)
    }
  },
  'slow links': async (context) => {
    const delayMs = context.random.between(20, 300)
    const bytesPerSecond = context.random.between(30_000, 2_000_000)
    for (const [from, to] of allDirections(context)) {
      if (context.random.chance(700)) context.cluster.links.set(from, to, { type: 'slow', delayMs, bytesPerSecond })
    }
    await waitThenHeal(context, `limit some links to ${bytesPerSecond} bytes per second with ${delayMs} ms delay`)
  },
  'reset connections': async (context) => {
    const rounds = context.random.between(3, 12)
    context.log(`break every connection ${rounds} times`)
    for (let round = 0; round < rounds; round++) {
      context.cluster.links.reset()
      await randomPause(context, 20, 700)
    }
  },
}

/** Chooses what happens next by chance: mostly a delivery, sometimes a loss, a timeout, a crash or a command. */
import { Random } from '../../src/core/random.ts'
import type { Played } from './play.ts'

/** The same for the same seed, step and state. */
export function randomEvent({ nodes, messages }: Played, seed: number, step: number): string {
  const random = new Random(seed * 1_000_003 + step)
  const pick = <Item>(items: readonly Item[]): Item | undefined => items[random.between(0, items.length)]
  const [up, down] = [nodes.filter(({ isUp }) => isUp), nodes.filter(({ isUp }) => !isUp)]
  const leaders = up.filter(({ status, isPaused }) => status?.role === 'leader' && !isPaused)
  const arriving = messages.filter(({ to }) => nodes.some((node) => node.id === to && !node.isPaused))
  const chance = random.between(0, 100)
  const node = pick(up)
  if (chance < 3 && down.length * 2 + 2 < nodes.length && node !== undefined) return `crash ${node.id}`
  if (chance < 12 && down[0] !== undefined) return `restart ${down[0].id}`
  const message = pick(arriving)
  if (message !== undefined && chance < 20) return `drop ${message.from}->${message.to} 1`
  if (message !== undefined && chance < (leaders.length > 0 ? 88 : 97))
    return `deliver ${message.from}->${message.to} 1`
  const leader = pick(leaders)
  if (leader !== undefined && chance < 98) return `propose ${leader.id}`
  const waking = pick(up.filter(({ isPaused }) => !isPaused))
  return waking === undefined ? 'run 100' : `tick ${waking.id}`
}

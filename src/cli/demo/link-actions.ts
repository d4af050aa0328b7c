/** The keys of the demo that cut links between nodes, and heal them. */
import type { NodeId } from '../../core/types.ts'
import type { DemoContext } from './actions.ts'
import type { Link } from './demo-links.ts'

/** Cuts the link between two nodes, or all links of one, or else of the leader. */
export async function cutLinks({ cluster, announcer }: DemoContext, nodes: readonly NodeId[]): Promise<void> {
  const { leader, links } = cluster
  const ends = nodes.length > 0 || leader === undefined ? nodes : [leader.id]
  if (ends.length === 0) return announcer.note('there is no leader to cut off; press h to heal the links')
  const cut = links.cut(links.linksOf(ends))
  if (cut.length === 0) return announcer.note(`there is no such link, or it is cut already; press h to heal the links`)
  const [only, second] = ends
  const role = only === leader?.id ? ' (leader)' : ''
  const what = second === undefined ? `${only}${role} is cut off from the other nodes: ` : ''
  announcer.announce({ event: 'cut', links: cut, text: `${what}${inWords(cut)} cut` })
}

/** Heals the link between two nodes, or all links of one, or else every link. */
export async function healLinks({ cluster, announcer }: DemoContext, nodes: readonly NodeId[]): Promise<void> {
  const { links } = cluster
  const healed = links.heal(links.linksOf(nodes))
  if (healed.length === 0) return announcer.note('no such link is cut; press c to cut the leader off')
  announcer.announce({ event: 'healed', links: healed, text: `${inWords(healed)} healed` })
}

function inWords(links: readonly Link[]): string {
  return `${links.length === 1 ? 'link' : 'links'} ${links.map(([one, other]) => `${one}–${other}`).join(', ')}`
}

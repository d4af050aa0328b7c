/** The links between the nodes of a demo: each node reaches each other one through a TCP proxy, which can be cut. */
import type { NodeId } from '../../core/types.ts'
import { TcpProxy } from '../../testing/network/tcp-proxy.ts'
import type { PlannedNode } from './demo-plan.ts'

/** Two nodes, the first one of the plan first. */
export type Link = readonly [NodeId, NodeId]

export class DemoLinks {
  /** Every pair of nodes. */
  readonly all: readonly Link[]
  readonly #nodes: readonly PlannedNode[]
  /** By the node that connects and the one that it reaches. */
  readonly #proxies = new Map<string, TcpProxy>()
  readonly #cut = new Set<Link>()
  /** Called after links were cut or healed, with all that are cut. */
  onChanged: (cut: readonly Link[]) => void = () => undefined

  constructor(nodes: readonly PlannedNode[]) {
    this.#nodes = nodes
    this.all = nodes.flatMap(({ id }, offset) => nodes.slice(offset + 1).map((other): Link => [id, other.id]))
  }

  /** Listens on free ports of the loopback interface. */
  async open(): Promise<void> {
    for (const from of this.#nodes)
      for (const to of this.#nodes)
        if (from !== to) this.#proxies.set(`${from.id} ${to.id}`, await new TcpProxy(to.address).listen())
  }

  /** Where a node reaches the others, as ID=HOST:PORT,…; undefined if there are none. */
  routesOf(id: NodeId): string | undefined {
    const routes = this.#nodes.flatMap((to) => {
      const proxy = this.#proxies.get(`${id} ${to.id}`)
      return proxy === undefined ? [] : [`${to.id}=${proxy.address}`]
    })
    return routes.length === 0 ? undefined : routes.join(',')
  }

  /** The links between all of these nodes; with one node, all of its links; with none, every link. */
  linksOf(nodes: readonly NodeId[]): readonly Link[] {
    return this.all.filter((link) => nodes.every((id) => link.includes(id)))
  }

  /** Closes the connections of the links, and refuses new ones. Returns the links that were not cut before. */
  cut(links: readonly Link[]): readonly Link[] {
    const changed = links.filter((link) => !this.#cut.has(link))
    for (const link of changed) {
      this.#cut.add(link)
      for (const proxy of this.#proxiesOf(link)) proxy.cut()
    }
    if (changed.length > 0) this.#report()
    return changed
  }

  /** Returns the links that were cut. */
  heal(links: readonly Link[]): readonly Link[] {
    const changed = links.filter((link) => this.#cut.delete(link))
    for (const link of changed) for (const proxy of this.#proxiesOf(link)) proxy.heal()
    if (changed.length > 0) this.#report()
    return changed
  }

  async close(): Promise<void> {
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.close()))
  }

  #report(): void {
    this.onChanged(this.all.filter((link) => this.#cut.has(link)))
  }

  #proxiesOf([one, other]: Link): TcpProxy[] {
    return [`${one} ${other}`, `${other} ${one}`].flatMap((pair) => this.#proxies.get(pair) ?? [])
  }
}

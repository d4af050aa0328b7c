/** The network between real nodes: a proxy in front of each node that can drop, hold and delay each direction of each link. */
import type { PipeCondition } from '../../src/testing/network/pipe.ts'
import type { ProxiedConnection, ProxyDirection } from '../../src/testing/network/tcp-proxy.ts'
import { TcpProxy } from '../../src/testing/network/tcp-proxy.ts'

export class Links {
  /** The address of each node's proxy, by node id. */
  readonly addresses: Record<string, string> = {}
  readonly #proxies: { readonly id: string; readonly proxy: TcpProxy }[] = []
  readonly #callers = new WeakMap<ProxiedConnection, string>()
  /** Keyed by `from to`. */
  readonly #conditions = new Map<string, PipeCondition>()

  /** Puts a proxy in front of a node that will listen at `port`. */
  async add(id: string, port: number): Promise<void> {
    const conditionOf = (connection: ProxiedConnection, direction: ProxyDirection): PipeCondition | undefined => {
      const caller = this.#callerOf(connection, id)
      if (caller === undefined) return undefined
      return this.#conditions.get(direction === 'forward' ? `${caller} ${id}` : `${id} ${caller}`)
    }
    const proxy = await new TcpProxy(`127.0.0.1:${port}`, { conditionOf }).listen()
    this.#proxies.push({ id, proxy })
    this.addresses[id] = proxy.address
  }

  /** Sets the condition of the direction from `from` to `to`. */
  set(from: string, to: string, condition: PipeCondition): void {
    this.#conditions.set(`${from} ${to}`, condition)
    this.#update()
  }

  /** Drops everything in both directions between two nodes, without closing their connections. */
  cut(one: string, other: string): void {
    this.set(one, other, { type: 'drop' })
    this.set(other, one, { type: 'drop' })
  }

  /** Cuts a node from all other nodes, but not from clients. */
  isolate(id: string): void {
    for (const other of Object.keys(this.addresses)) if (other !== id) this.cut(id, other)
  }

  /** Heals the link between two nodes, or all links. Connections that have lost bytes are closed; new ones work. */
  heal(one?: string, other?: string): void {
    if (one === undefined || other === undefined) this.#conditions.clear()
    else for (const pair of [`${one} ${other}`, `${other} ${one}`]) this.#conditions.delete(pair)
    this.#update()
  }

  /** Closes all connections between nodes, as a restarting switch does. New ones work. */
  reset(): void {
    for (const { id, proxy } of this.#proxies) proxy.reset((connection) => this.#callerOf(connection, id) !== undefined)
  }

  close(): void {
    for (const { proxy } of this.#proxies) void proxy.close()
  }

  #update(): void {
    for (const { proxy } of this.#proxies) proxy.update()
  }

  /** The calling node; undefined before its handshake, which contains its address, and for clients. */
  #callerOf(connection: ProxiedConnection, target: string): string | undefined {
    const known = this.#callers.get(connection)
    if (known !== undefined) return known
    const others = Object.entries(this.addresses).filter(([id]) => id !== target)
    const caller = others.find(([, address]) => connection.greeting.includes(address))?.[0]
    if (caller !== undefined) this.#callers.set(connection, caller)
    return caller
  }
}

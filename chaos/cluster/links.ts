/** The network between real nodes: a proxy in front of each node that can drop, hold and delay each direction of each link. */
import type { AddressInfo, Server, Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import type { LinkCondition } from './pipe.ts'
import { Pipe } from './pipe.ts'

/** The handshake of a peer is within these first bytes. It contains the caller's address. */
const HANDSHAKE_BYTES_MAX = 4096

interface Connection {
  readonly inbound: Socket
  readonly outbound: Socket
  readonly forward: Pipe
  readonly backward: Pipe
  /** The calling node; undefined before its handshake, and for clients. */
  caller: string | undefined
}

export class Links {
  /** The address of each node's proxy, by node id. */
  readonly addresses: Record<string, string> = {}
  readonly #servers: Server[] = []
  readonly #connections = new Set<Connection>()
  /** Keyed by `from to`. */
  readonly #conditions = new Map<string, LinkCondition>()

  /** Puts a proxy in front of a node that will listen at `port`. */
  async add(id: string, port: number): Promise<void> {
    const server = createServer((socket) => this.#accept(socket, id, port))
    this.#servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    this.addresses[id] = `127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  /** Sets the condition of the direction from `from` to `to`. */
  set(from: string, to: string, condition: LinkCondition): void {
    this.#conditions.set(`${from} ${to}`, condition)
    this.#onConditionsChanged()
  }

  /** Drops everything in both directions between two nodes, without closing their connections. */
  cut(one: string, other: string): void {
    this.set(one, other, { type: 'drop' })
    this.set(other, one, { type: 'drop' })
  }

  /** Cuts a node from all other nodes, but not from clients. */
  isolate(id: string): void {
    for (const other of this.#othersThan(id)) this.cut(id, other)
  }

  /** Heals the link between two nodes, or all links. Connections that have lost bytes are closed; new ones work. */
  heal(one?: string, other?: string): void {
    if (one === undefined || other === undefined) this.#conditions.clear()
    else for (const pair of [`${one} ${other}`, `${other} ${one}`]) this.#conditions.delete(pair)
    this.#onConditionsChanged()
  }

  /** Closes all connections between nodes, as a restarting switch does. New ones work. */
  reset(): void {
    for (const each of this.#connections) if (each.caller !== undefined) destroyConnection(each)
  }

  close(): void {
    for (const server of this.#servers) server.close()
    for (const each of this.#connections) destroyConnection(each)
  }

  #accept(near: Socket, target: string, port: number): void {
    const far = connect(port, '127.0.0.1')
    const connection: Connection = {
      inbound: near,
      outbound: far,
      forward: new Pipe(near, far, () => this.#conditionOf(connection.caller, target)),
      backward: new Pipe(far, near, () => this.#conditionOf(target, connection.caller)),
      caller: undefined,
    }
    this.#connections.add(connection)
    let seen = ''
    near.on('data', (chunk: Buffer) => {
      if (connection.caller === undefined && seen.length < HANDSHAKE_BYTES_MAX) {
        seen += chunk.toString('latin1')
        connection.caller = this.#callerIn(seen, target)
      }
      connection.forward.write(chunk)
    })
    far.on('data', (chunk: Buffer) => connection.backward.write(chunk))
    for (const socket of [near, far]) {
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
    }
    near.on('close', () => this.#onClosed(connection, connection.forward))
    far.on('close', () => this.#onClosed(connection, connection.backward))
  }

  /** Passes on the end of one side, unless its direction is blocked. */
  #onClosed(connection: Connection, pipe: Pipe): void {
    if (!pipe.isBlocked) pipe.whenDelivered(() => this.#drop(connection))
  }

  #onConditionsChanged(): void {
    for (const each of this.#connections) {
      const pipes = [each.forward, each.backward]
      if (pipes.some((pipe) => pipe.hasLost && !pipe.isBlocked)) this.#drop(each)
      else for (const pipe of pipes) pipe.onConditionChanged()
      if (each.inbound.destroyed) this.#onClosed(each, each.forward)
      if (each.outbound.destroyed) this.#onClosed(each, each.backward)
    }
  }

  #drop(connection: Connection): void {
    destroyConnection(connection)
    this.#connections.delete(connection)
  }

  #callerIn(seen: string, target: string): string | undefined {
    const others = Object.entries(this.addresses).filter(([id]) => id !== target)
    return others.find(([, address]) => seen.includes(address))?.[0]
  }

  #conditionOf(from: string | undefined, to: string | undefined): LinkCondition | undefined {
    return from === undefined || to === undefined ? undefined : this.#conditions.get(`${from} ${to}`)
  }

  #othersThan(id: string): string[] {
    return Object.keys(this.addresses).filter((other) => other !== id)
  }
}

function destroyConnection({ inbound, outbound, forward, backward }: Connection): void {
  forward.end()
  backward.end()
  inbound.destroy()
  outbound.destroy()
}

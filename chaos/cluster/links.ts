/** The network between real nodes: one proxy in front of each node, which can tell who is calling, and do to each direction what networks do. */
import type { AddressInfo, Server, Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import type { Weather } from './pipe.ts'
import { Pipe } from './pipe.ts'

/** A peer's greeting comes within the first bytes, and names the caller's own address. */
const GREETING_BYTES_MAX = 4096

interface Connection {
  readonly near: Socket
  readonly far: Socket
  readonly there: Pipe
  readonly back: Pipe
  /** The node that calls; undefined until it has greeted, and for clients. */
  caller: string | undefined
}

export class Links {
  /** What the others know each node by. */
  readonly addresses: Record<string, string> = {}
  readonly #servers: Server[] = []
  readonly #connections = new Set<Connection>()
  /** By `from to`. */
  readonly #weather = new Map<string, Weather>()

  /** Puts a proxy in front of a node that will listen at `port`. */
  async add(id: string, port: number): Promise<void> {
    const server = createServer((socket) => this.#accept(socket, id, port))
    this.#servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    this.addresses[id] = `127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  /** What `from` sends to `to` meets this from now on. */
  set(from: string, to: string, weather: Weather): void {
    this.#weather.set(`${from} ${to}`, weather)
    this.#changed()
  }

  /** Neither hears the other any more; what is under way is lost without a word to the sender. */
  cut(one: string, other: string): void {
    this.set(one, other, { type: 'drop' })
    this.set(other, one, { type: 'drop' })
  }

  /** Nobody hears this node any more, and it hears nobody; clients still do. */
  isolate(id: string): void {
    for (const other of this.#othersThan(id)) this.cut(id, other)
  }

  /** Both ways between these two, or between all: connections that have lost bytes break now, and new ones get through. */
  heal(one?: string, other?: string): void {
    if (one === undefined || other === undefined) this.#weather.clear()
    else for (const pair of [`${one} ${other}`, `${other} ${one}`]) this.#weather.delete(pair)
    this.#changed()
  }

  /** Breaks every connection between nodes, as a switch that restarts; new ones get through. */
  reset(): void {
    for (const each of this.#connections) if (each.caller !== undefined) hangUp(each)
  }

  close(): void {
    for (const server of this.#servers) server.close()
    for (const each of this.#connections) hangUp(each)
  }

  #accept(near: Socket, target: string, port: number): void {
    const far = connect(port, '127.0.0.1')
    const connection: Connection = {
      near,
      far,
      there: new Pipe(near, far, () => this.#weatherOf(connection.caller, target)),
      back: new Pipe(far, near, () => this.#weatherOf(target, connection.caller)),
      caller: undefined,
    }
    this.#connections.add(connection)
    let seen = ''
    near.on('data', (chunk: Buffer) => {
      if (connection.caller === undefined && seen.length < GREETING_BYTES_MAX) {
        seen += chunk.toString('latin1')
        connection.caller = this.#callerIn(seen, target)
      }
      connection.there.take(chunk)
    })
    far.on('data', (chunk: Buffer) => connection.back.take(chunk))
    for (const socket of [near, far]) {
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
    }
    near.on('close', () => this.#ended(connection, connection.there))
    far.on('close', () => this.#ended(connection, connection.back))
  }

  /** The end of one side is news for the other one, which may not get through either. */
  #ended(connection: Connection, pipe: Pipe): void {
    if (!pipe.isBlocked) this.#drop(connection)
  }

  #changed(): void {
    for (const each of this.#connections) {
      const pipes = [each.there, each.back]
      const isOver = each.near.destroyed || each.far.destroyed
      if (pipes.some((pipe) => (pipe.hasLost || isOver) && !pipe.isBlocked)) this.#drop(each)
      else for (const pipe of pipes) pipe.wake()
    }
  }

  #drop(connection: Connection): void {
    hangUp(connection)
    this.#connections.delete(connection)
  }

  #callerIn(seen: string, target: string): string | undefined {
    const others = Object.entries(this.addresses).filter(([id]) => id !== target)
    return others.find(([, address]) => seen.includes(address))?.[0]
  }

  #weatherOf(from: string | undefined, to: string | undefined): Weather | undefined {
    return from === undefined || to === undefined ? undefined : this.#weather.get(`${from} ${to}`)
  }

  #othersThan(id: string): string[] {
    return Object.keys(this.addresses).filter((other) => other !== id)
  }
}

function hangUp({ near, far, there, back }: Connection): void {
  there.end()
  back.end()
  near.destroy()
  far.destroy()
}

/** The network between the processes of a test: one proxy in front of each node, which can tell who is calling, and hang up. */
import type { AddressInfo, Server, Socket } from 'node:net'
import { connect, createServer } from 'node:net'

/** A peer's greeting comes within the first bytes, and names the caller's own address. */
const GREETING_BYTES_MAX = 4096

interface Connection {
  readonly from: Socket
  readonly to: Socket
  readonly target: string
  /** The node that calls; undefined until it has greeted, and for clients. */
  caller: string | undefined
}

export class Links {
  /** What the others know each node by. */
  readonly addresses: Record<string, string> = {}
  readonly #servers: Server[] = []
  readonly #connections = new Set<Connection>()
  readonly #cut = new Set<string>()

  /** Puts a proxy in front of a node that will listen at `port`. */
  async add(id: string, port: number): Promise<void> {
    const server = createServer((socket) => this.#accept(socket, id, port))
    this.#servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    this.addresses[id] = `127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  /** Neither hears the other any more; what is under way is lost without a word to the sender. */
  cut(one: string, other: string): void {
    for (const pair of [`${one} ${other}`, `${other} ${one}`]) this.#cut.add(pair)
  }

  /** Nobody hears this node any more, and it hears nobody; clients still do. */
  isolate(id: string): void {
    for (const other of Object.keys(this.addresses)) if (other !== id) this.cut(id, other)
  }

  /** The connections that were cut break now, and new ones get through. */
  heal(): void {
    for (const each of this.#connections) if (this.#isCut(each)) hangUp(each)
    this.#cut.clear()
  }

  close(): void {
    for (const server of this.#servers) server.close()
    for (const each of this.#connections) hangUp(each)
  }

  #accept(from: Socket, target: string, port: number): void {
    const to = connect(port, '127.0.0.1')
    const connection: Connection = { from, to, target, caller: undefined }
    this.#connections.add(connection)
    let seen = ''
    from.on('data', (chunk: Buffer) => {
      if (connection.caller === undefined && seen.length < GREETING_BYTES_MAX) {
        seen += chunk.toString('latin1')
        connection.caller = this.#callerIn(seen, target)
      }
      if (!this.#isCut(connection)) to.write(chunk)
    })
    to.on('data', (chunk) => {
      if (!this.#isCut(connection)) from.write(chunk)
    })
    for (const socket of [from, to]) {
      socket.on('error', () => undefined)
      socket.on('close', () => {
        hangUp(connection)
        this.#connections.delete(connection)
      })
    }
  }

  #callerIn(seen: string, target: string): string | undefined {
    const others = Object.entries(this.addresses).filter(([id]) => id !== target)
    return others.find(([, address]) => seen.includes(address))?.[0]
  }

  #isCut({ caller, target }: Connection): boolean {
    return caller !== undefined && this.#cut.has(`${caller} ${target}`)
  }
}

function hangUp({ from, to }: Connection): void {
  from.destroy()
  to.destroy()
}

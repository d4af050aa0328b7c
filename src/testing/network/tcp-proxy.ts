/** A TCP proxy between two processes or transports: it can cut, delay, hold, drop and change what passes, in one direction or both. */
import type { AddressInfo, Server, Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import type { PipeCondition } from './pipe.ts'
import { Pipe } from './pipe.ts'

/** To the target, or from it. */
export type ProxyDirection = 'forward' | 'backward'

/** Smaller reads are mostly frame headers, which are not covered by a checksum. */
const CHANGED_BYTES_MIN = 16 * 1024
/** So many first bytes of a caller are kept, for `conditionOf`. */
const GREETING_BYTES_MAX = 4096

/** A connection through the proxy. */
export interface ProxiedConnection {
  /** The first bytes that the caller has sent, one character each, so far. */
  readonly greeting: string
}

export interface TcpProxyOptions {
  /** The port to listen on. By default a free one. */
  readonly port?: number | undefined
  /** The condition of one connection, while the proxy has none of its own for the direction. */
  readonly conditionOf?:
    | ((connection: ProxiedConnection, direction: ProxyDirection) => PipeCondition | undefined)
    | undefined
}

interface Connection {
  readonly near: Socket
  readonly far: Socket
  readonly forward: Pipe
  readonly backward: Pipe
  greeting: string
  isStalled: boolean
}

const DIRECTIONS = ['forward', 'backward'] as const

/**
 *     const proxy = await new TcpProxy('127.0.0.1:7001').listen()
 *     // Connect to proxy.address.
 *     proxy.delay(100)
 *     proxy.set('forward', { type: 'drop' })
 *     proxy.heal()
 */
export class TcpProxy {
  /** Where it connects to, as 'host:port'. */
  readonly target: string
  readonly #options: TcpProxyOptions
  readonly #server: Server = createServer((socket) => this.#accept(socket))
  readonly #connections = new Set<Connection>()
  readonly #conditions: Partial<Record<ProxyDirection, PipeCondition>> = {}
  #isOpen = true
  #isStalled = false
  #changesNext = false

  constructor(target: string, options: TcpProxyOptions = {}) {
    this.target = target
    this.#options = options
  }

  /** Where it listens, as 'host:port'. */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(this.#options.port ?? 0, '127.0.0.1', resolve)
    })
    return this
  }

  /** Destroys all connections, and refuses new ones until `heal`. */
  cut(): void {
    this.#isOpen = false
    this.reset()
  }

  /** Destroys the connections for which the condition holds, as a restarting switch does. New ones work. */
  reset(condition: (connection: ProxiedConnection) => boolean = () => true): void {
    for (const each of [...this.#connections]) if (condition(each)) this.#drop(each)
  }

  /** Ends all of it. Connections that have lost bytes are closed, because a stream cannot have gaps; new ones work. */
  heal(): void {
    this.#isOpen = true
    for (const direction of DIRECTIONS) delete this.#conditions[direction]
    this.resume()
  }

  /** The condition of one direction, for existing and new connections; without one, bytes pass at once. */
  set(direction: ProxyDirection, condition: PipeCondition | undefined): void {
    if (condition === undefined) delete this.#conditions[direction]
    else this.#conditions[direction] = condition
    this.update()
  }

  /** Delivers everything so many milliseconds later, in both directions. */
  delay(delayMs: number): void {
    const condition = { type: 'slow', delayMs, bytesPerSecond: Number.POSITIVE_INFINITY } as const
    for (const direction of DIRECTIONS) this.set(direction, condition)
  }

  /** Forwards nothing and closes nothing until `resume`, like a stopped process. */
  stall(): void {
    this.#isStalled = true
    for (const each of this.#connections) each.isStalled = true
    this.update()
  }

  /** Existing connections stay stalled; only new ones are forwarded. */
  resumeNewOnly(): void {
    this.#isStalled = false
  }

  resume(): void {
    this.#isStalled = false
    for (const each of this.#connections) each.isStalled = false
    this.update()
  }

  /** Inserts bytes into the streams to the target. */
  inject(bytes: Uint8Array): void {
    for (const { forward } of this.#connections) forward.write(Buffer.from(bytes))
  }

  /** Flips a bit in the middle of the next read of at least 16 KiB, in either direction. */
  corruptNext(): void {
    this.#changesNext = true
  }

  /** What `conditionOf` returns has changed. */
  update(): void {
    for (const each of [...this.#connections]) {
      const pipes = [each.forward, each.backward]
      if (pipes.some((pipe) => pipe.hasLost && !pipe.isBlocked)) this.#drop(each)
      else for (const pipe of pipes) pipe.onConditionChanged()
      if (each.near.destroyed) this.#onClosed(each, each.forward)
      if (each.far.destroyed) this.#onClosed(each, each.backward)
    }
  }

  async close(): Promise<void> {
    this.cut()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #accept(near: Socket): void {
    near.on('error', () => undefined)
    if (!this.#isOpen) return void near.destroy()
    const [host, port] = splitAddress(this.target)
    const far = connect(port, host)
    const connection: Connection = {
      ...{ near, far, greeting: '', isStalled: this.#isStalled },
      forward: new Pipe(near, far, () => this.#conditionOf(connection, 'forward')),
      backward: new Pipe(far, near, () => this.#conditionOf(connection, 'backward')),
    }
    this.#connections.add(connection)
    near.on('data', (chunk: Buffer) => {
      const missing = GREETING_BYTES_MAX - connection.greeting.length
      if (missing > 0) connection.greeting += chunk.toString('latin1', 0, missing)
      connection.forward.write(this.#passed(chunk))
    })
    far.on('data', (chunk: Buffer) => connection.backward.write(this.#passed(chunk)))
    far.on('error', () => undefined)
    for (const socket of [near, far]) socket.setNoDelay(true)
    near.on('close', () => this.#onClosed(connection, connection.forward))
    far.on('close', () => this.#onClosed(connection, connection.backward))
  }

  #conditionOf(connection: Connection, direction: ProxyDirection): PipeCondition | undefined {
    if (connection.isStalled) return { type: 'hold' }
    return this.#conditions[direction] ?? this.#options.conditionOf?.(connection, direction)
  }

  #passed(chunk: Buffer): Buffer {
    if (!this.#changesNext || chunk.length < CHANGED_BYTES_MIN) return chunk
    this.#changesNext = false
    const middle = chunk.length >> 1
    chunk[middle] = (chunk[middle] as number) ^ 1
    return chunk
  }

  /** Passes on the end of one side, unless its direction is blocked. */
  #onClosed(connection: Connection, pipe: Pipe): void {
    if (!pipe.isBlocked) pipe.whenDelivered(() => this.#drop(connection))
  }

  #drop(connection: Connection): void {
    const { near, far, forward, backward } = connection
    this.#connections.delete(connection)
    for (const pipe of [forward, backward]) pipe.end()
    for (const socket of [near, far]) socket.destroy()
  }
}

function splitAddress(address: string): [host: string, port: number] {
  const colon = address.lastIndexOf(':')
  return [address.slice(0, colon).replace(/^\[|\]$/g, ''), Number(address.slice(colon + 1))]
}

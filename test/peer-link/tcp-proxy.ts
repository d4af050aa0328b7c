/** A TCP proxy whose connections a test can cut, refuse, stall and corrupt. */
import type { AddressInfo, Socket } from 'node:net'
import { connect, createServer } from 'node:net'

/** Smaller reads are mostly frame headers, which are not covered by a checksum. */
const CORRUPTED_BYTES_MIN = 16 * 1024

export class TcpProxy {
  readonly target: string
  readonly #server = createServer((socket) => this.#accept(socket))
  readonly #sockets = new Set<Socket>()
  #isOpen = true
  #isStalled = false
  #corruptsNext = false
  #port = 0

  constructor(target: string) {
    this.target = target
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve))
    this.#port = (this.#server.address() as AddressInfo).port
    return this
  }

  /** Destroys all connections, and refuses new ones until `heal`. */
  cut(): void {
    this.#isOpen = false
    for (const socket of this.#sockets) socket.destroy()
  }

  heal(): void {
    this.#isOpen = true
  }

  /** Forwards nothing and closes nothing until `resume`, like a stopped process or a switch that drops all packets. */
  stall(): void {
    this.#isStalled = true
    for (const socket of this.#sockets) socket.pause()
  }

  /** Existing connections stay stalled; only new ones are forwarded. */
  resumeNewOnly(): void {
    this.#isStalled = false
  }

  resume(): void {
    this.#isStalled = false
    for (const socket of this.#sockets) socket.resume()
  }

  /** Inserts bytes into the stream to the target. */
  inject(bytes: Uint8Array): void {
    for (const socket of this.#sockets) if (socket.remotePort === Number(this.target.split(':')[1])) socket.write(bytes)
  }

  /** Flips a bit in the middle of the next large read, in either direction. */
  corruptNext(): void {
    this.#corruptsNext = true
  }

  async close(): Promise<void> {
    this.cut()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #accept(near: Socket): void {
    if (!this.#isOpen) return void near.destroy()
    const [host, port] = this.target.split(':')
    const far = connect(Number(port), host)
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from)
      from.setNoDelay(true)
      from.on('error', () => undefined)
      from.on('data', (bytes) => {
        if (this.#corruptsNext && bytes.length >= CORRUPTED_BYTES_MIN) {
          this.#corruptsNext = false
          bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1
        }
        if (!to.write(bytes)) from.pause()
      })
      to.on('drain', () => {
        if (!this.#isStalled) from.resume()
      })
      from.on('close', () => {
        this.#sockets.delete(from)
        to.destroy()
      })
      if (this.#isStalled) from.pause()
    }
  }
}

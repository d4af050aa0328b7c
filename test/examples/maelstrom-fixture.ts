/** A network for Maelstrom messages within one process. It delivers messages as JSON and in order, unless their link is cut. */
import type { Message, MessageStream } from '../../examples/maelstrom/message-stream.ts'
import { MaelstromTransport } from '../../examples/maelstrom/transport.ts'
import type { TransportFixture } from '../../src/testing/index.ts'

export class LocalNetwork {
  readonly #streams = new Map<string, MessageStream>()
  readonly #cut = new Set<string>()

  /** Opens a stream, which replaces an earlier one of the same name. */
  open(name: string): MessageStream {
    const stream: MessageStream = { send: (message, sent) => this.#send(message, sent), onMessage: () => undefined }
    this.#streams.set(name, stream)
    return stream
  }

  cut(one: string, other: string): void {
    for (const pair of [`${one} ${other}`, `${other} ${one}`]) this.#cut.add(pair)
  }

  heal(one: string, other: string): void {
    for (const pair of [`${one} ${other}`, `${other} ${one}`]) this.#cut.delete(pair)
  }

  #send(message: Message, sent?: () => void): void {
    const text = JSON.stringify(message)
    setImmediate(() => {
      sent?.()
      const { src, dest } = message
      if (!this.#cut.has(`${src} ${dest}`)) this.#streams.get(dest)?.onMessage(JSON.parse(text) as Message)
    })
  }
}

export function maelstromFixture(): TransportFixture {
  const network = new LocalNetwork()
  const windowBytes = 1024 * 1024
  return {
    createTransport: (address) => {
      const stream = network.open(address)
      const transport = new MaelstromTransport({ stream, address, windowBytes, pingMs: 20, linkTimeoutMs: 300 })
      stream.onMessage = (message) => transport.receive(message)
      return transport
    },
    addressFor: (_, to) => to,
    cut: (one, other) => network.cut(one, other),
    heal: (one, other) => network.heal(one, other),
    windowBytes,
    close: () => Promise.resolve(),
  }
}

/** A network for Maelstrom's messages inside one process: every message goes through JSON, in order, unless its way is cut. */
import type { Message, MessageStream } from '../../examples/maelstrom/message-stream.ts'
import { MaelstromTransport } from '../../examples/maelstrom/transport.ts'
import type { TransportFixture } from '../../src/testing/index.ts'

export class LocalNetwork {
  readonly #streams = new Map<string, MessageStream>()
  readonly #cut = new Set<string>()

  /** The newest post under a name gets what is sent to it. */
  open(name: string): MessageStream {
    const post: MessageStream = { send: (message, sent) => this.#send(message, sent), onMessage: () => undefined }
    this.#streams.set(name, post)
    return post
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
  const office = new LocalNetwork()
  const windowBytes = 1024 * 1024
  return {
    createTransport: (address) => {
      const post = office.open(address)
      const transport = new MaelstromTransport({ stream: post, address, windowBytes, pingMs: 20, silenceMs: 300 })
      post.onMessage = (message) => transport.receive(message)
      return transport
    },
    addressFor: (_, to) => to,
    cut: (one, other) => office.cut(one, other),
    heal: (one, other) => office.heal(one, other),
    windowBytes,
    close: () => Promise.resolve(),
  }
}

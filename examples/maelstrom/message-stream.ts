/** Streams of Maelstrom messages: one JSON object per line. */
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'

export interface Body {
  readonly type: string
  readonly msg_id?: number
  readonly in_reply_to?: number
  readonly [field: string]: unknown
}

export interface Message {
  readonly src: string
  readonly dest: string
  readonly body: Body
}

/** The connection of a node to the network. */
export interface MessageStream {
  /** Calls `sent` once the message has left this process or is lost. */
  send(message: Message, sent?: () => void): void
  /** Set by the node; called with each message for it. */
  onMessage: (message: Message) => void
}

/** The stream of a process on its standard input and output. Calls `onEnd` at the end of the input. */
export function lineStream(input: Readable, output: Writable, onEnd: () => void): MessageStream {
  const stream: MessageStream = {
    send: (message, sent) => {
      output.write(`${JSON.stringify(message)}\n`, () => sent?.())
    },
    onMessage: () => undefined,
  }
  const lines = createInterface({ input })
  lines.on('line', (line) => {
    if (line.trim() !== '') stream.onMessage(JSON.parse(line) as Message)
  })
  lines.on('close', onEnd)
  return stream
}

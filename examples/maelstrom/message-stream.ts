/** Maelstrom's messages: JSON, one per line, in at standard input and out at standard output. */
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

/** Where a node hands its messages in, and gets others' from. */
export interface MessageStream {
  /** `sent` is called once the message has left this process, or is lost. */
  send(message: Message, sent?: () => void): void
  /** Called with each message for this node. */
  onMessage: (message: Message) => void
}

/** The post of a process. `ended` is called when there will be no more messages. */
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

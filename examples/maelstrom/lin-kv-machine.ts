/** The state machine of `lin-kv`: a map from JSON keys to JSON values, whose results are the bodies of Maelstrom replies. */
import { isDeepStrictEqual } from 'node:util'
import type { StateMachine } from 'quorate'

export type Command =
  | { readonly type: 'write'; readonly key: unknown; readonly value: unknown }
  | { readonly type: 'cas'; readonly key: unknown; readonly from: unknown; readonly to: unknown }

export type Reply = { readonly type: string; readonly [field: string]: unknown }

/** Maelstrom's error codes for operations that had no effect. */
export const KEY_DOES_NOT_EXIST = 20
export const PRECONDITION_FAILED = 22

export class LinKvMachine implements StateMachine<Command, Reply> {
  #values = new Map<string, unknown>()

  apply(command: Command): Reply {
    const key = JSON.stringify(command.key)
    if (command.type === 'write') {
      this.#values.set(key, command.value)
      return { type: 'write_ok' }
    }
    if (!this.#values.has(key)) return missing(key)
    const value = this.#values.get(key)
    if (!isDeepStrictEqual(value, command.from)) {
      const text = `${key} holds ${JSON.stringify(value)}, not ${JSON.stringify(command.from)}`
      return { type: 'error', code: PRECONDITION_FAILED, text }
    }
    this.#values.set(key, command.to)
    return { type: 'cas_ok' }
  }

  read(key: unknown): Reply {
    const text = JSON.stringify(key)
    return this.#values.has(text) ? { type: 'read_ok', value: this.#values.get(text) } : missing(text)
  }

  snapshot(): Uint8Array[] {
    return [Buffer.from(JSON.stringify([...this.#values]))]
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const parts: Uint8Array[] = []
    for await (const chunk of chunks) parts.push(chunk)
    this.#values = new Map(JSON.parse(Buffer.concat(parts).toString()) as [string, unknown][])
  }
}

function missing(key: string): Reply {
  return { type: 'error', code: KEY_DOES_NOT_EXIST, text: `key ${key} does not exist` }
}

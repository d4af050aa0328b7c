/** Keys and values: the state machine that every node applies the same commands to. */
import type { StateMachine } from 'quorate'

export type Command = { type: 'put'; key: string; value: string } | { type: 'delete'; key: string }

/** Whether the key had a value before. */
export type Result = { existed: boolean }

export class KeyValues implements StateMachine<Command, Result, string, string | null> {
  #values = new Map<string, string>()

  apply(command: Command): Result {
    const existed = this.#values.has(command.key)
    if (command.type === 'put') this.#values.set(command.key, command.value)
    else this.#values.delete(command.key)
    return { existed }
  }

  query(key: string): string | null {
    return this.#values.get(key) ?? null
  }

  snapshot(): Uint8Array[] {
    return [new TextEncoder().encode(JSON.stringify([...this.#values]))]
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder()
    let text = ''
    for await (const chunk of chunks) text += decoder.decode(chunk, { stream: true })
    this.#values = new Map(JSON.parse(text) as [string, string][])
  }
}

/** A copy of all settings in a program: it begins with their state, and follows the changes. */
import type { RaftClient } from 'quorate/client'
import { type KvAnswer, type KvCommand, type KvQuery, type KvResult, kvClient } from 'quorate/recipes'

export type StoreClient = RaftClient<KvCommand, KvResult, KvQuery, KvAnswer>

export class Settings {
  readonly values = new Map<string, string>()
  /** The index up to which the copy is complete. */
  index = 0
  /** How many changes were received. */
  changes = 0

  /** Reads all settings. What is written meanwhile is among the changes that follow. */
  async load(client: StoreClient, prefix: string): Promise<void> {
    const { index } = await client.proposeWithIndex({ type: 'put', key: `${prefix}readers`, value: Buffer.from('1') })
    let after: string | undefined
    do {
      const page = await kvClient(client).list(prefix, { after, atLeast: index })
      for (const { key, value } of page.entries) this.values.set(key, Buffer.from(value).toString())
      after = page.more ? page.entries.at(-1)?.key : undefined
    } while (after !== undefined)
    this.index = index
  }

  /** Applies each change once, in order, until the signal is aborted. The client continues at another node if one fails. */
  async follow(client: StoreClient, prefix: string, signal: AbortSignal): Promise<void> {
    for await (const { index, command, result } of client.changes({ from: this.index + 1, signal })) {
      this.index = index
      if (command.type === 'malformed' || !command.key.startsWith(prefix)) continue
      this.changes++
      if (result?.type === 'written' && 'value' in command)
        this.values.set(command.key, Buffer.from(command.value).toString())
      if (result?.type === 'deleted') this.values.delete(command.key)
    }
  }
}

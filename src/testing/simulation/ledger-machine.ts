/** The state machine of a simulation: it keeps every command with its index, so that nothing can be lost or doubled unseen. */
import type { ApplyContext, StateMachine } from '../../contracts/state-machine.ts'
import type { LogIndex } from '../../core/types.ts'

/** Told of what happens to the machine. */
export interface MachineWatcher {
  applied(context: ApplyContext, command: string): void
  restored(index: LogIndex): void
}

const CHUNK_COMMANDS = 16

export class LedgerMachine implements StateMachine<string, LogIndex, null, number> {
  readonly commands: Map<LogIndex, string> = new Map()
  readonly #watcher: MachineWatcher

  constructor(watcher: MachineWatcher) {
    this.#watcher = watcher
  }

  apply(command: string, context: ApplyContext): LogIndex {
    this.#watcher.applied(context, command)
    this.commands.set(context.index, command)
    return context.index
  }

  *snapshot(): Iterable<Uint8Array> {
    const lines = [...this.commands].map(([index, command]) => `${index} ${command}\n`)
    for (let at = 0; at < lines.length; at += CHUNK_COMMANDS)
      yield new TextEncoder().encode(lines.slice(at, at + CHUNK_COMMANDS).join(''))
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder()
    let text = ''
    for await (const chunk of chunks) text += decoder.decode(chunk, { stream: true })
    this.commands.clear()
    let last = 0
    for (const line of text.split('\n')) {
      if (line === '') continue
      const space = line.indexOf(' ')
      last = Number(line.slice(0, space))
      this.commands.set(last, line.slice(space + 1))
    }
    this.#watcher.restored(last)
  }

  query(): number {
    return this.commands.size
  }
}

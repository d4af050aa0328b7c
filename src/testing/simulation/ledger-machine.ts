/** The state machine of a simulation: it stores every command with its index, so that lost and duplicated commands are detected. */
import type { ApplyContext, StateMachine } from '../../contracts/state-machine.ts'
import type { LogIndex } from '../../core/types.ts'
import { collectChunks, concatBytes, textOf, utf8 } from '../../platform/bytes.ts'
import type { CheckedMachine } from '../state-machine/machine-under-test.ts'
import { splitIntoChunks } from '../state-machine/machine-under-test.ts'

/** Receives what the state machine does. */
export interface MachineObserver {
  applied(context: ApplyContext, command: string, result: string): void
  /** `userSnapshot` is the part of the snapshot from which the user's machine was restored. */
  restored(index: LogIndex, userSnapshot: Uint8Array): void
}

/** The size of the chunks in which machines receive snapshots. */
export const CHUNK_BYTES = 200

/** Its snapshot is the byte length of the ledger, a line break, the ledger, and the snapshot of the user's machine, if there is one. */
export class LedgerMachine implements StateMachine<string, string, string, string> {
  readonly commands: Map<LogIndex, string> = new Map()
  /** The user's state machine, which receives the same commands. */
  readonly userMachine: CheckedMachine | undefined
  readonly machineVersion: number
  readonly #observer: MachineObserver

  constructor(observer: MachineObserver, userMachine: CheckedMachine | undefined, machineVersion: number) {
    this.#observer = observer
    this.userMachine = userMachine
    this.machineVersion = machineVersion
  }

  /** Commands are named w1, w2, …; the user's machine receives the number. */
  apply(command: string, context: ApplyContext): string {
    const result = this.userMachine?.apply(Number(command.slice(1)), context) ?? ''
    this.#observer.applied(context, command, result)
    this.commands.set(context.index, command)
    return result
  }

  snapshot(): AsyncIterable<Uint8Array> {
    const ledger = utf8([...this.commands].map(([index, command]) => `${index} ${command}\n`).join(''))
    // Start the user's snapshot now: it must contain the current state.
    const userSnapshot = this.userMachine?.snapshot()
    const source =
      userSnapshot === undefined || Symbol.asyncIterator in userSnapshot
        ? userSnapshot?.[Symbol.asyncIterator]()
        : userSnapshot[Symbol.iterator]()
    const first = source?.next()
    return chunksOf(concatBytes([utf8(`${ledger.length}\n`), ledger]), source, first)
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const bytes = await collectChunks(chunks)
    const start = bytes.indexOf(10) + 1
    const end = start + Number(textOf(bytes.subarray(0, start)))
    this.commands.clear()
    let last = 0
    for (const line of textOf(bytes.subarray(start, end)).split('\n')) {
      if (line === '') continue
      const space = line.indexOf(' ')
      last = Number(line.slice(0, space))
      this.commands.set(last, line.slice(space + 1))
    }
    const userSnapshot = bytes.subarray(end)
    await this.userMachine?.restore(splitIntoChunks(userSnapshot, CHUNK_BYTES))
    this.#observer.restored(last, userSnapshot)
  }

  /** Every simulated cluster compares states, so that a run shows whether an honest one ever seems to differ. */
  digest(): string {
    let digest = 0
    for (const [index, command] of this.commands)
      digest = (Math.imul(digest, 31) + index + Number(command.slice(1))) | 0
    return String(digest)
  }

  /** Queries are named r1, r2, …; the user's machine receives the number. */
  query(query: string): string {
    return this.userMachine?.query?.(Number(query.slice(1))) ?? String(this.commands.size)
  }
}

type Source = Iterator<Uint8Array> | AsyncIterator<Uint8Array>

async function* chunksOf(
  head: Uint8Array,
  source: Source | undefined,
  first: ReturnType<Source['next']> | undefined,
): AsyncIterable<Uint8Array> {
  yield* splitIntoChunks(head, CHUNK_BYTES)
  for (let next = await first; source !== undefined && next?.done === false; next = await source.next())
    yield next.value
}

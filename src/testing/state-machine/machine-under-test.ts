/** A user's state machine as a simulation sees it: commands are named by number, results and states are text. */

import type { ApplyContext, Codec, StateMachine } from '../../contracts/state-machine.ts'
import { jsonCodec } from '../../platform/json-codec.ts'
import { guardCall } from './determinism-guard.ts'

/** A machine to be tried, and what it is to be given. */
export interface MachineUnderTestOptions<Command, Result> {
  /** A new machine, in its first state. */
  make(): StateMachine<Command, Result, unknown, unknown>
  /** The command of a number; the same number, the same command. */
  command(number: number): Command
  /** What a read asks, by number; a machine without is not asked. */
  query?(number: number): unknown
  /** JSON unless said otherwise. */
  readonly codec?: Codec<Command> | undefined
  readonly resultCodec?: Codec<Result> | undefined
  readonly queryCodec?: Codec<unknown> | undefined
  readonly answerCodec?: Codec<unknown> | undefined
}

/** One machine of a subject. */
export interface CheckedMachine {
  /** Applies the command of a number, as it comes out of a log; gives the result as text. */
  apply(number: number, context: ApplyContext): string
  snapshot(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>
  restore(chunks: AsyncIterable<Uint8Array>): Promise<void> | void
  /** Answers the query of a number, as text; a machine that is asked nothing has none. */
  query?(number: number): string
}

export interface MachineUnderTest {
  make(): CheckedMachine
}

/** Makes a subject of any command and result type fit for `simulate`. */
export function machineUnderTest<Command, Result>(options: MachineUnderTestOptions<Command, Result>): MachineUnderTest {
  const { codec = jsonCodec<Command>(), resultCodec = jsonCodec<Result>() } = options
  const { queryCodec = jsonCodec<unknown>(), answerCodec = jsonCodec<unknown>() } = options
  return {
    make() {
      const machine = options.make()
      return {
        apply(number, context) {
          const command = codec.decode(codec.encode(options.command(number)))
          const doing = { doing: `apply() at index ${context.index}`, commands: number }
          const result = guardCall(doing, () => machine.apply(command, context))
          return Buffer.from(resultCodec.encode(result)).toString('latin1')
        },
        snapshot: () => machine.snapshot(),
        restore: (chunks) => machine.restore(chunks),
        ...(options.query === undefined || machine.query === undefined
          ? {}
          : {
              query(number: number): string {
                const query = queryCodec.decode(queryCodec.encode(options.query?.(number)))
                const doing = { doing: `query() of read ${number}`, commands: 0 }
                const answer = guardCall(doing, () => machine.query?.(query))
                return Buffer.from(answerCodec.encode(answer)).toString('latin1')
              },
            }),
      }
    },
  }
}

/** All bytes of a snapshot, begun now. */
export async function collectBytes(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(Uint8Array.from(chunk))
  return Buffer.concat(all)
}

/** Bytes as the chunks of a file, which need not be those they were written in. */
export async function* splitIntoChunks(bytes: Uint8Array, chunkBytes: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.slice(at, at + chunkBytes)
}

/** Adapts a user's state machine to the simulation, which identifies commands by number and compares results as text. */

import type { ApplyContext, Codec, StateMachine } from '../../contracts/state-machine.ts'
import { collectChunks, latin1 } from '../../platform/bytes.ts'
import { jsonCodec } from '../../platform/json-codec.ts'
import type { OptionProblem } from '../../platform/options.ts'
import { throwOnProblems } from '../../platform/options.ts'
import type { MachineTexts } from '../properties/machine-texts.ts'
import { guardCall } from './determinism-guard.ts'
import { MachineFault, problemOf } from './machine-fault.ts'

/** A user's state machine, and the commands and queries of a simulation. */
export interface MachineUnderTestOptions<Command, Result> {
  /** Creates a machine in its initial state. */
  make(): StateMachine<Command, Result, unknown, unknown>
  /** The command of this number. Must be deterministic. */
  command(number: number): Command
  /** The query of this number. Without it, the machine is not queried. */
  query?(number: number): unknown
  /** Throws or returns false if the machine is in a state that must not occur. Checked in the initial state, after every command and after every restore. */
  readonly invariant?: ((machine: never) => unknown) | undefined
  /** The four codecs default to JSON. */
  readonly codec?: Codec<Command> | undefined
  readonly resultCodec?: Codec<Result> | undefined
  readonly queryCodec?: Codec<unknown> | undefined
  readonly answerCodec?: Codec<unknown> | undefined
}

/** One instance of the machine. Results and answers are encoded bytes as latin1 text. */
export interface CheckedMachine {
  /** Applies the command of this number, after encoding and decoding it. Returns the result. */
  apply(number: number, context: ApplyContext): string
  snapshot(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>
  restore(chunks: AsyncIterable<Uint8Array>): Promise<void> | void
  /** Answers the query of this number. Undefined if the machine is not queried. */
  query?(number: number): string
}

/** The `machine` option of `simulate`, as `machineUnderTest` returns it. */
export interface MachineUnderTest {
  make(): CheckedMachine
  /** How messages show its commands, results and states. By default as names and as text. */
  readonly texts?: MachineTexts | undefined
}

/** A check has the newest version of the machine in force, so that all of its commands are applied. */
export function versionOf({ machineVersion = 1 }: Pick<StateMachine, 'machineVersion'>): number {
  return machineVersion
}

/** What is wrong with an option that passes queries to this machine. */
export function queryProblems(path: string, { query }: Pick<StateMachine, 'query'>): OptionProblem[] {
  return typeof query === 'function' ? [] : [{ path, problem: 'must be left out: the machine has no query()' }]
}

/** Adapts a state machine with any types of commands and results to `simulate`. Its calls run under the determinism guard. */
export function machineUnderTest<Command, Result>(options: MachineUnderTestOptions<Command, Result>): MachineUnderTest {
  const { codec = jsonCodec<Command>(), resultCodec = jsonCodec<Result>() } = options
  const { queryCodec = jsonCodec<unknown>(), answerCodec = jsonCodec<unknown>() } = options
  if (options.query !== undefined) throwOnProblems(queryProblems('query', options.make()))
  return {
    make() {
      const machine = options.make()
      const machineVersion = versionOf(machine)
      const checkInvariant = (number: number, when: string): void => {
        const problem = problemOf(() => options.invariant?.(machine as never))
        if (problem !== undefined)
          throw new MachineFault('invariant', number, `${when} the invariant does not hold: ${problem}`)
      }
      checkInvariant(0, 'in the initial state')
      return {
        apply(number, context) {
          const command = codec.decode(codec.encode(options.command(number)))
          const guarded = { description: `apply() at index ${context.index}`, commandCount: number }
          const result = guardCall(guarded, () => machine.apply(command, { ...context, machineVersion }))
          checkInvariant(number, `at index ${context.index}`)
          return latin1(resultCodec.encode(result))
        },
        snapshot: () => machine.snapshot(),
        restore: async (chunks) => {
          await machine.restore(chunks)
          checkInvariant(0, 'after a restore')
        },
        ...(options.query === undefined
          ? {}
          : {
              query(number: number): string {
                const query = queryCodec.decode(queryCodec.encode(options.query?.(number)))
                const guarded = { description: `query() of read ${number}`, commandCount: 0 }
                const answer = guardCall(guarded, () => machine.query?.(query))
                return latin1(answerCodec.encode(answer))
              },
            }),
      }
    },
  }
}

/** Concatenates the chunks of a snapshot. Only in Node.js: elsewhere there is no Buffer. */
export async function collectBytes(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<Buffer> {
  const { buffer } = await collectChunks(chunks)
  return Buffer.from(buffer)
}

/** Splits bytes into chunks, at other points than those at which they were written. */
export async function* splitIntoChunks(bytes: Uint8Array, chunkBytes: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.slice(at, at + chunkBytes)
}

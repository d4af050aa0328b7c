/** Calls one state machine under the determinism guard, and throws a MachineFault at the first rule that it violates. */
import type { ApplyContext, Codec, StateMachine } from '../../contracts/state-machine.ts'
import { describeChange } from './codec-round-trip.ts'
import { guardAsyncCall, guardCall } from './determinism-guard.ts'
import { formatValue } from './first-difference.ts'
import { formatBoth } from './format-bytes.ts'
import { isPromise } from './is-promise.ts'
import { formatThrown, MachineFault, problemOf } from './machine-fault.ts'
import { splitIntoChunks } from './machine-under-test.ts'
import type { RetainedValue } from './retained-values.ts'
import { isChanged, RetainedValues } from './retained-values.ts'
import { settlesWithin } from './settle-timer.ts'

/** The machine to check, its codecs, and the queries to ask. */
export interface MachineSpec<Command, Result> {
  make(): StateMachine<Command, Result, unknown, unknown>
  /** The newest version that the machine supports: in force for all commands. */
  readonly machineVersion: number
  readonly codec: Codec<Command>
  readonly resultCodec: Codec<Result>
  readonly queryCodec: Codec<unknown>
  readonly answerCodec: Codec<unknown>
  /** Empty if the machine answers no queries. */
  readonly queries: readonly unknown[]
  /** Creates the reference model. */
  readonly makeModel?: (() => ReferenceModel<Command, Result, unknown>) | undefined
  /** Throws or returns false if the machine is in a state that must not occur. */
  readonly invariant?: ((machine: unknown) => unknown) | undefined
  /** The time within which a promise of the machine must settle. */
  readonly deadlineMs: number
}

/** What a state machine should return: the option `model` of `checkStateMachine`. */
export interface ReferenceModel<Command, Result, Query = never, Answer = unknown> {
  apply(command: Command, context: ApplyContext): Result
  query?(query: Query): Answer
}

/** An encoded command, and its place in the log. */
export interface LogEntry {
  readonly bytes: Buffer
  readonly context: ApplyContext
}

/** A snapshot: a copy of its bytes, and the chunks that the machine returned. */
export interface TakenSnapshot {
  readonly bytes: Buffer
  readonly chunks: readonly Uint8Array[]
}

/** One machine and the log it applies. */
export class MachineHarness<Command, Result> {
  readonly #spec: MachineSpec<Command, Result>
  #log: readonly LogEntry[]
  readonly #machine: StateMachine<Command, Result, unknown, unknown>
  readonly #retained = new RetainedValues()
  /** The number of the last command applied. */
  #lastApplied = 0

  constructor(spec: MachineSpec<Command, Result>, log: readonly LogEntry[]) {
    this.#spec = spec
    this.#log = log
    this.#machine = guardCall({ description: 'creating a machine', commandCount: 0 }, () => spec.make())
    this.#checkInvariant('in the initial state')
  }

  /** From here on, the commands are those of this log. */
  continueWith(log: readonly LogEntry[]): void {
    this.#log = log
  }

  /** The number of the last command applied. */
  get lastApplied(): number {
    return this.#lastApplied
  }

  /** Applies the commands after `from` up to `to`. Returns the encoded results. */
  applyAll(from: number, to: number): Buffer[] {
    const results: Buffer[] = []
    for (let number = from + 1; number <= to; number++) results.push(this.apply(number))
    return results
  }

  /** Applies the command of this number, decoded from the log. Returns the encoded result. */
  apply(number: number): Buffer {
    const { codec } = this.#spec
    const { bytes, context } = this.#log[number - 1] as LogEntry
    const command = codec.decode(Uint8Array.from(bytes))
    const result = this.#call(`apply() of command ${number}`, number, APPLY_ADVICE, () =>
      this.#machine.apply(command, context),
    )
    this.#lastApplied = number
    if (isPromise(result))
      throw new MachineFault(
        'synchronous',
        number,
        `apply() returned a promise for command ${number}: it must be synchronous, or the next command is applied first. Do asynchronous work before you propose, and put its result into the command.`,
      )
    const given: RetainedValue = { number, bytes, encode: () => codec.encode(command) }
    if (isChanged(given))
      throw new MachineFault(
        'input unchanged',
        number,
        `apply() changed command ${number}, which shares its bytes with the log. Change a copy.`,
      )
    const encoded = this.#resultBytes(number, result)
    this.#retained.add(given, { number, bytes: encoded, encode: () => this.#spec.resultCodec.encode(result) })
    this.#checkInvariant(`after command ${number}`)
    return encoded
  }

  #checkInvariant(when: string): void {
    const { invariant } = this.#spec
    if (invariant === undefined) return
    const problem = problemOf(() => invariant(this.#machine))
    if (problem !== undefined)
      throw new MachineFault('invariant', this.#lastApplied, `${when} the invariant does not hold: ${problem}`)
  }

  /** Throws if a command or a result was changed after its call. */
  checkRetained(): void {
    this.#retained.check(this.#lastApplied)
  }

  /** Throws if the bytes of an answer were changed after its call. */
  checkRetainedAnswers(): void {
    this.#retained.checkAnswers(this.#lastApplied)
  }

  /** Answers a query. Returns the encoded answer. */
  query(query: unknown): Buffer {
    const { queryCodec, answerCodec } = this.#spec
    const description = `query() of ${formatValue(query)} after command ${this.#lastApplied}`
    const fault = (what: string): MachineFault => new MachineFault('query', this.#lastApplied, `${description} ${what}`)
    const decoded = queryCodec.decode(queryCodec.encode(query))
    const answer = this.#call(description, this.#lastApplied, QUERY_ADVICE, () => this.#machine.query?.(decoded))
    if (isPromise(answer)) throw fault('returned a promise: it must be synchronous and answer from the current state.')
    try {
      const encoded = answerCodec.encode(answer)
      const bytes = Buffer.from(encoded)
      this.#retained.addAnswer({ description, bytes, encoded })
      const change = describeChange(answer, answerCodec.decode(Uint8Array.from(bytes)))
      if (change === undefined) return bytes
      throw fault(
        `returns a value that its codec changes: ${change}. Return a value that it can encode, or pass an answerCodec.`,
      )
    } catch (thrown) {
      if (thrown instanceof MachineFault) throw thrown
      throw fault(`returns a value that cannot be encoded and decoded (${String(thrown)}). Pass an answerCodec.`)
    }
  }

  /** Describes two encoded results that differ. */
  formatResults(one: Buffer, other: Buffer): readonly [string, string] {
    return formatBoth(one, other, (bytes) => this.#spec.resultCodec.decode(bytes))
  }

  /** Describes two encoded answers that differ. */
  formatAnswers(one: Buffer, other: Buffer): readonly [string, string] {
    return formatBoth(one, other, (bytes) => this.#spec.answerCodec.decode(bytes))
  }

  /** The digest of the state; undefined if the machine computes none. */
  digest(): string | undefined {
    const [at, description] = [this.#lastApplied, `digest() after command ${this.#lastApplied}`]
    const digest: unknown = this.#call(description, at, DIGEST_ADVICE, () => this.#machine.digest?.())
    if (digest === undefined || typeof digest === 'string') return digest
    const returned = isPromise(digest) ? 'a promise' : typeof digest
    throw new MachineFault('digest', at, `${description} returned ${returned}: return a text.`)
  }

  /** Takes a snapshot and reads all of it. */
  async takeSnapshot(): Promise<TakenSnapshot> {
    return this.beginSnapshot().read()
  }

  /** Starts a snapshot and requests its first chunk, as a node does. The node does not wait for that chunk before it applies the next command. */
  beginSnapshot(): { read(): Promise<TakenSnapshot> } {
    const [at, description] = [this.#lastApplied, `snapshot() after command ${this.#lastApplied}`]
    const given: unknown = this.#call(description, at, SNAPSHOT_ADVICE, () => this.#machine.snapshot())
    assertChunked(given, description, at)
    const source = Symbol.asyncIterator in given ? given[Symbol.asyncIterator]() : given[Symbol.iterator]()
    const chunks: Uint8Array[] = []
    const copies: Buffer[] = []
    const next = async (): Promise<boolean> => {
      const step = await this.#callAsync<IteratorResult<unknown>>(description, at, SNAPSHOT_ADVICE, async () =>
        source.next(),
      )
      if (step.done === true) return false
      assertBytes(step.value, description, at)
      chunks.push(step.value)
      copies.push(Buffer.from(step.value))
      return true
    }
    const first = next()
    // Awaited by `read`. Until then a rejection must not count as unhandled.
    first.catch(() => undefined)
    const read = async (): Promise<TakenSnapshot> => {
      for (let hasMore = await first; hasMore; ) hasMore = await next()
      return { bytes: Buffer.concat(copies), chunks }
    }
    return { read }
  }

  /** Restores a snapshot that was taken after command `at`, in chunks of this size. */
  async restore(bytes: Uint8Array, at: number, chunkBytes: number): Promise<void> {
    const description = `restore() of the snapshot after command ${at}`
    await this.#callAsync(description, at, RESTORE_ADVICE, async () =>
      this.#machine.restore(lateChunks(bytes, chunkBytes)),
    )
    this.#lastApplied = at
    this.#retained.clear()
    this.#checkInvariant(`after a restore from the snapshot after command ${at},`)
  }

  #resultBytes(number: number, result: Result): Buffer {
    const { resultCodec } = this.#spec
    const fault = (what: string): MachineFault =>
      new MachineFault(
        'codec',
        number,
        `the result of command ${number} ${what}. A caller on another node receives the decoded value: return a value that the codec can encode, or pass a resultCodec.`,
      )
    let bytes: Uint8Array
    let decoded: Result
    try {
      bytes = resultCodec.encode(result)
      decoded = resultCodec.decode(Uint8Array.from(bytes))
    } catch (thrown) {
      throw fault(`cannot be encoded and decoded (${thrown instanceof Error ? thrown.message : String(thrown)})`)
    }
    const change = describeChange(result, decoded)
    if (change !== undefined) throw fault(`is changed by its codec: ${change}`)
    return Buffer.from(bytes)
  }

  /** Makes a synchronous call into the machine. */
  #call<Value>(description: string, commands: number, advice: string, call: () => Value): Value {
    try {
      return guardCall({ description, commandCount: commands }, call)
    } catch (thrown) {
      throw toMachineFault(thrown, description, commands, advice)
    }
  }

  /** Makes an asynchronous call into the machine, which must settle within `deadlineMs`. */
  async #callAsync<Value>(
    description: string,
    commands: number,
    advice: string,
    call: () => Promise<Value>,
  ): Promise<Value> {
    const { deadlineMs } = this.#spec
    try {
      const settled = await settlesWithin(deadlineMs, () =>
        guardAsyncCall({ description, commandCount: commands }, call),
      )
      if (settled !== undefined) return settled.value
    } catch (thrown) {
      throw toMachineFault(thrown, description, commands, advice)
    }
    throw new MachineFault(
      'settles',
      commands,
      `${description} did not settle within ${deadlineMs} ms (deadlineMs): a node would wait forever and apply nothing more. Look for a promise that is never settled.`,
    )
  }
}

/** More turns than a restore() takes to resolve that does not await its chunks. */
const TURNS_BEFORE_CHUNKS = 50

/** As from a disk, the chunks do not come at once. */
async function* lateChunks(bytes: Uint8Array, chunkBytes: number): AsyncIterable<Uint8Array> {
  for (let turns = 0; turns < TURNS_BEFORE_CHUNKS; turns++) await undefined
  yield* splitIntoChunks(bytes, chunkBytes)
}

const APPLY_ADVICE =
  'A node whose machine throws stops with ERR_RAFT_APPLY, and so does every other node at the same command: return a rejection as a result.'
const QUERY_ADVICE = 'The caller receives an error without a reason: return an answer that states the problem.'
const DIGEST_ADVICE = 'A node whose machine throws stops with ERR_RAFT_APPLY: digest() must work in every state.'
const SNAPSHOT_ADVICE = 'Without snapshots the log grows without bound: snapshot() must work in every state.'
const RESTORE_ADVICE =
  'A node that cannot restore cannot start: restore() must accept the bytes of snapshot(), split into chunks at any point.'

function toMachineFault(thrown: unknown, description: string, commands: number, advice: string): MachineFault {
  if (thrown instanceof MachineFault) return thrown
  return new MachineFault('throws', commands, `${description} threw ${formatThrown(thrown)}\n${advice}`, thrown)
}

function assertChunked(
  given: unknown,
  description: string,
  at: number,
): asserts given is Iterable<unknown> | AsyncIterable<unknown> {
  const fault = (what: string): MachineFault => new MachineFault('bytes', at, `${description} returned ${what}`)
  if (isPromise(given)) throw fault('a promise: return the chunks themselves, or write `async *snapshot()`.')
  if (typeof given === 'string') throw fault('a string: return chunks of bytes, as in `[Buffer.from(text)]`.')
  if (given instanceof Uint8Array) throw fault('bytes that are not in a list: return `[bytes]`.')
  const isIterable =
    typeof given === 'object' && given !== null && (Symbol.iterator in given || Symbol.asyncIterator in given)
  if (!isIterable) throw fault(`${String(given)}: return chunks of bytes, as in \`[bytes]\`.`)
}

function assertBytes(chunk: unknown, description: string, at: number): asserts chunk is Uint8Array {
  if (chunk instanceof Uint8Array) return
  const what = `${typeof chunk} ${String(chunk).slice(0, 20)}`
  throw new MachineFault('bytes', at, `${description} returned ${what} as a chunk: chunks are bytes (Uint8Array).`)
}

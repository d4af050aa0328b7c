/** One machine on trial, by itself: every call is watched, and what is wrong with it is said at once. */
import { inspect } from 'node:util'
import type { Codec, StateMachine } from '../../contracts/state-machine.ts'
import { firstDifference } from './codec-round-trip.ts'
import { guardAsyncCall, guardCall } from './determinism-guard.ts'
import { formatThrown, MachineFault } from './machine-fault.ts'
import { splitIntoChunks } from './machine-under-test.ts'

/** What is tried, and how its commands and results become bytes. */
export interface MachineSpec<Command, Result> {
  make(): StateMachine<Command, Result, unknown, unknown>
  readonly codec: Codec<Command>
  readonly resultCodec: Codec<Result>
  readonly queryCodec: Codec<unknown>
  readonly answerCodec: Codec<unknown>
  /** What it is asked; nothing, if it answers no queries. */
  readonly queries: readonly unknown[]
  /** How long a promise of the machine may take. */
  readonly deadlineMs: number
}

/** Bytes that were handed in or out, and the value they are the bytes of. */
interface RetainedValue {
  readonly number: number
  readonly bytes: Buffer
  encode(): Uint8Array
}

/** A snapshot: a copy of its bytes, and the chunks as they were handed out. */
export interface TakenSnapshot {
  readonly bytes: Buffer
  readonly chunks: readonly Uint8Array[]
}

export class MachineHarness<Command, Result> {
  readonly #spec: MachineSpec<Command, Result>
  readonly #log: readonly Buffer[]
  readonly #machine: StateMachine<Command, Result, unknown, unknown>
  readonly #commands: RetainedValue[] = []
  readonly #results: RetainedValue[] = []
  /** The last command it was given. */
  #lastApplied = 0

  constructor(spec: MachineSpec<Command, Result>, log: readonly Buffer[]) {
    this.#spec = spec
    this.#log = log
    this.#machine = guardCall({ doing: 'making a machine', commands: 0 }, () => spec.make())
  }

  /** Gives it the command of a number, as it comes out of a log; gives the result as its bytes. */
  apply(number: number): Buffer {
    const { codec } = this.#spec
    const bytes = this.#log[number - 1] as Buffer
    const command = codec.decode(Uint8Array.from(bytes))
    const result = this.#call(`apply() of command ${number}`, number, APPLY_ADVICE, () =>
      this.#machine.apply(command, { index: number, term: 1 }),
    )
    this.#lastApplied = number
    if (isPromise(result))
      throw new MachineFault(
        'synchronous',
        number,
        `apply() returned a promise for command ${number}: it must be done when it returns, or the next command overtakes it. Do what takes time before you propose, and put what came of it into the command.`,
      )
    const given: RetainedValue = { number, bytes, encode: () => codec.encode(command) }
    if (isChanged(given))
      throw new MachineFault(
        'input',
        number,
        `apply() changed command ${number} that it was given: its bytes are those of the log. Make a copy, and change that.`,
      )
    const told = this.#resultBytes(number, result)
    this.#commands.push(given)
    this.#results.push({ number, bytes: told, encode: () => this.#spec.resultCodec.encode(result) })
    return told
  }

  /** Whether something that was handed in or out has been changed since. */
  checkRetained(): void {
    const command = this.#commands.find(isChanged)
    if (command !== undefined)
      throw new MachineFault(
        'input',
        this.#lastApplied,
        `command ${command.number} was kept, and changed by a later one (up to command ${this.#lastApplied}): its bytes are those of the log. Keep a copy.`,
      )
    const result = this.#results.find(isChanged)
    if (result !== undefined)
      throw new MachineFault(
        'handed out',
        this.#lastApplied,
        `the result of command ${result.number} was changed by a later command (up to command ${this.#lastApplied}), while its caller holds it. Hand out a copy.`,
      )
  }

  /** Asks it a query; gives the answer as its bytes. */
  query(query: unknown): Buffer {
    const { queryCodec, answerCodec } = this.#spec
    const doing = `query() of ${inspect(query)} after command ${this.#lastApplied}`
    const fault = (what: string): MachineFault => new MachineFault('query', this.#lastApplied, `${doing} ${what}`)
    const asked = queryCodec.decode(queryCodec.encode(query))
    const answer = this.#call(doing, this.#lastApplied, QUERY_ADVICE, () => this.#machine.query?.(asked))
    if (isPromise(answer)) throw fault('returned a promise: it must answer at once, from the state as it is.')
    try {
      const bytes = Buffer.from(answerCodec.encode(answer))
      const difference = firstDifference(answer, answerCodec.decode(Uint8Array.from(bytes)))
      if (difference === undefined) return bytes
      throw fault(`gives what does not survive its codec: ${difference}. Give what it can hold, or an answerCodec.`)
    } catch (thrown) {
      if (thrown instanceof MachineFault) throw thrown
      throw fault(`gives what cannot be encoded and decoded (${String(thrown)}). Give an answerCodec of yours.`)
    }
  }

  /** Takes a snapshot, and reads it to its end. */
  async takeSnapshot(): Promise<TakenSnapshot> {
    return (await this.beginSnapshot()).read()
  }

  /** Begins a snapshot, and asks for the first chunk, as a node does before it goes on. */
  async beginSnapshot(): Promise<{ read(): Promise<TakenSnapshot> }> {
    const [at, doing] = [this.#lastApplied, `snapshot() after command ${this.#lastApplied}`]
    const given: unknown = this.#call(doing, at, SNAPSHOT_ADVICE, () => this.#machine.snapshot())
    assertChunked(given, doing, at)
    const source = Symbol.asyncIterator in given ? given[Symbol.asyncIterator]() : given[Symbol.iterator]()
    const chunks: Uint8Array[] = []
    const copies: Buffer[] = []
    const next = async (): Promise<boolean> => {
      const step = await this.#callAsync<IteratorResult<unknown>>(doing, at, SNAPSHOT_ADVICE, async () => source.next())
      if (step.done === true) return false
      assertBytes(step.value, doing, at)
      chunks.push(step.value)
      copies.push(Buffer.from(step.value))
      return true
    }
    let hasMore = await next()
    const read = async (): Promise<TakenSnapshot> => {
      while (hasMore) hasMore = await next()
      return { bytes: Buffer.concat(copies), chunks }
    }
    return { read }
  }

  /** Gives it a snapshot that was taken after a command, cut into chunks of this size. */
  async restore(bytes: Uint8Array, at: number, chunkBytes: number): Promise<void> {
    const doing = `restore() of the snapshot after command ${at}`
    await this.#callAsync(doing, at, RESTORE_ADVICE, async () =>
      this.#machine.restore(splitIntoChunks(bytes, chunkBytes)),
    )
    this.#lastApplied = at
    this.#commands.length = 0
    this.#results.length = 0
  }

  #resultBytes(number: number, result: Result): Buffer {
    const { resultCodec } = this.#spec
    const fault = (what: string): MachineFault =>
      new MachineFault(
        'codec',
        number,
        `the result of command ${number} ${what}. Its caller may be on another node, and gets what the codec makes of it: give what it can hold, or a resultCodec of yours.`,
      )
    let bytes: Uint8Array
    let decoded: Result
    try {
      bytes = resultCodec.encode(result)
      decoded = resultCodec.decode(Uint8Array.from(bytes))
    } catch (thrown) {
      throw fault(`cannot be encoded and decoded (${thrown instanceof Error ? thrown.message : String(thrown)})`)
    }
    const difference = firstDifference(result, decoded)
    if (difference !== undefined) throw fault(`does not survive its codec: ${difference}`)
    return Buffer.from(bytes)
  }

  /** Asks the machine for something that it gives at once. */
  #call<Value>(doing: string, commands: number, advice: string, call: () => Value): Value {
    try {
      return guardCall({ doing, commands }, call)
    } catch (thrown) {
      throw toMachineFault(thrown, doing, commands, advice)
    }
  }

  /** Asks the machine for something that may take a while, but not for ever. */
  async #callAsync<Value>(doing: string, commands: number, advice: string, call: () => Promise<Value>): Promise<Value> {
    const { deadlineMs } = this.#spec
    const { promise: late, resolve } = createDeferred<'late'>()
    const timer = setTimeout(() => resolve('late'), deadlineMs)
    try {
      const ended = await Promise.race([guardAsyncCall({ doing, commands }, call).then((value) => ({ value })), late])
      if (ended !== 'late') return ended.value
    } catch (thrown) {
      throw toMachineFault(thrown, doing, commands, advice)
    } finally {
      clearTimeout(timer)
    }
    throw new MachineFault(
      'settles',
      commands,
      `${doing} did not end within ${deadlineMs} ms (deadlineMs): a node would wait for it for ever, and apply nothing more. Look for a promise that nobody settles.`,
    )
  }
}

const APPLY_ADVICE =
  'A node whose machine throws stops with ERR_RAFT_APPLY, and every other node at the same command: a refusal is a result, not an exception.'
const QUERY_ADVICE = 'Its caller is told of an error, and cannot know why: say in the answer that there is none.'
const SNAPSHOT_ADVICE = 'Without snapshots the log grows for ever: whatever state there may be, it must be told.'
const RESTORE_ADVICE =
  'A node that cannot restore cannot start: restore() must take what snapshot() has given, cut into chunks anywhere.'

function toMachineFault(thrown: unknown, doing: string, commands: number, advice: string): MachineFault {
  if (thrown instanceof MachineFault) return thrown
  return new MachineFault('throws', commands, `${doing} threw ${formatThrown(thrown)}\n${advice}`, thrown)
}

function assertChunked(
  given: unknown,
  doing: string,
  at: number,
): asserts given is Iterable<unknown> | AsyncIterable<unknown> {
  const fault = (what: string): MachineFault => new MachineFault('bytes', at, `${doing} returned ${what}`)
  if (isPromise(given)) throw fault('a promise: return the chunks themselves, or write `async *snapshot()`.')
  if (typeof given === 'string') throw fault('a text: return chunks of bytes, as in `[Buffer.from(text)]`.')
  if (given instanceof Uint8Array) throw fault('bytes without a list around them: return `[bytes]`.')
  const isIterable =
    typeof given === 'object' && given !== null && (Symbol.iterator in given || Symbol.asyncIterator in given)
  if (!isIterable) throw fault(`${String(given)}: return chunks of bytes, as in \`[bytes]\`.`)
}

function assertBytes(chunk: unknown, doing: string, at: number): asserts chunk is Uint8Array {
  if (chunk instanceof Uint8Array) return
  const what = `${typeof chunk} ${String(chunk).slice(0, 20)}`
  throw new MachineFault('bytes', at, `${doing} handed out ${what} as a chunk: chunks are bytes (Uint8Array).`)
}

function isPromise(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('then' in value) || typeof value.then !== 'function')
    return false
  // What becomes of it does not matter any more.
  void Promise.resolve(value).catch(() => {})
  return true
}

/** Also if it cannot even be encoded any more. */
function isChanged({ bytes, encode }: RetainedValue): boolean {
  try {
    return Buffer.compare(bytes, encode()) !== 0
  } catch {
    return true
  }
}

function createDeferred<Value>(): { readonly promise: Promise<Value>; resolve(value: Value): void } {
  let resolve = (_: Value): void => {}
  const promise = new Promise<Value>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

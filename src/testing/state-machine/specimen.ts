/** One machine on trial, by itself: every call is watched, and what is wrong with it is said at once. */
import { inspect } from 'node:util'
import type { Codec, StateMachine } from '../../contracts/state-machine.ts'
import { chunked } from '../machine-under-test.ts'
import { watched, watchedTurn } from './guard.ts'
import { MachineFault, thrownWords } from './machine-fault.ts'
import { firstDifference } from './survives.ts'

/** What is tried, and how its commands and results become bytes. */
export interface Sort<Command, Result> {
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
interface Kept {
  readonly number: number
  readonly bytes: Buffer
  encode(): Uint8Array
}

/** A snapshot: a copy of its bytes, and the chunks as they were handed out. */
export interface Taken {
  readonly bytes: Buffer
  readonly chunks: readonly Uint8Array[]
}

export class Specimen<Command, Result> {
  readonly #sort: Sort<Command, Result>
  readonly #log: readonly Buffer[]
  readonly #machine: StateMachine<Command, Result, unknown, unknown>
  readonly #commands: Kept[] = []
  readonly #results: Kept[] = []
  /** The last command it was given. */
  #at = 0

  constructor(sort: Sort<Command, Result>, log: readonly Buffer[]) {
    this.#sort = sort
    this.#log = log
    this.#machine = watched({ doing: 'making a machine', commands: 0 }, () => sort.make())
  }

  /** Gives it the command of a number, as it comes out of a log; gives the result as its bytes. */
  apply(number: number): Buffer {
    const { codec } = this.#sort
    const bytes = this.#log[number - 1] as Buffer
    const command = codec.decode(Uint8Array.from(bytes))
    const result = this.#call(`apply() of command ${number}`, number, THROWN_AT_APPLY, () =>
      this.#machine.apply(command, { index: number, term: 1 }),
    )
    this.#at = number
    if (isPromise(result))
      throw new MachineFault(
        'synchronous',
        number,
        `apply() returned a promise for command ${number}: it must be done when it returns, or the next command overtakes it. Do what takes time before you propose, and put what came of it into the command.`,
      )
    const given: Kept = { number, bytes, encode: () => codec.encode(command) }
    if (isChanged(given))
      throw new MachineFault(
        'input',
        number,
        `apply() changed command ${number} that it was given: its bytes are those of the log. Make a copy, and change that.`,
      )
    const told = this.#resultBytes(number, result)
    this.#commands.push(given)
    this.#results.push({ number, bytes: told, encode: () => this.#sort.resultCodec.encode(result) })
    return told
  }

  /** Whether something that was handed in or out has been changed since. */
  judgeKept(): void {
    const command = this.#commands.find(isChanged)
    if (command !== undefined)
      throw new MachineFault(
        'input',
        this.#at,
        `command ${command.number} was kept, and changed by a later one (up to command ${this.#at}): its bytes are those of the log. Keep a copy.`,
      )
    const result = this.#results.find(isChanged)
    if (result !== undefined)
      throw new MachineFault(
        'handed out',
        this.#at,
        `the result of command ${result.number} was changed by a later command (up to command ${this.#at}), while its caller holds it. Hand out a copy.`,
      )
  }

  /** Asks it a query; gives the answer as its bytes. */
  ask(query: unknown): Buffer {
    const { queryCodec, answerCodec } = this.#sort
    const doing = `query() of ${inspect(query)} after command ${this.#at}`
    const fault = (what: string): MachineFault => new MachineFault('query', this.#at, `${doing} ${what}`)
    const asked = queryCodec.decode(queryCodec.encode(query))
    const answer = this.#call(doing, this.#at, THROWN_AT_QUERY, () => this.#machine.query?.(asked))
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
  async take(): Promise<Taken> {
    return (await this.begin()).read()
  }

  /** Begins a snapshot, and asks for the first chunk, as a node does before it goes on. */
  async begin(): Promise<{ read(): Promise<Taken> }> {
    const [at, doing] = [this.#at, `snapshot() after command ${this.#at}`]
    const given: unknown = this.#call(doing, at, THROWN_AT_SNAPSHOT, () => this.#machine.snapshot())
    assertChunked(given, doing, at)
    const source = Symbol.asyncIterator in given ? given[Symbol.asyncIterator]() : given[Symbol.iterator]()
    const chunks: Uint8Array[] = []
    const copies: Buffer[] = []
    const next = async (): Promise<boolean> => {
      const step = await this.#await<IteratorResult<unknown>>(doing, at, THROWN_AT_SNAPSHOT, async () => source.next())
      if (step.done === true) return false
      assertBytes(step.value, doing, at)
      chunks.push(step.value)
      copies.push(Buffer.from(step.value))
      return true
    }
    let hasMore = await next()
    const read = async (): Promise<Taken> => {
      while (hasMore) hasMore = await next()
      return { bytes: Buffer.concat(copies), chunks }
    }
    return { read }
  }

  /** Gives it a snapshot that was taken after a command, cut into chunks of this size. */
  async restore(bytes: Uint8Array, at: number, chunkBytes: number): Promise<void> {
    const doing = `restore() of the snapshot after command ${at}`
    await this.#await(doing, at, THROWN_AT_RESTORE, async () => this.#machine.restore(chunked(bytes, chunkBytes)))
    this.#at = at
    this.#commands.length = 0
    this.#results.length = 0
  }

  #resultBytes(number: number, result: Result): Buffer {
    const { resultCodec } = this.#sort
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
      return watched({ doing, commands }, call)
    } catch (thrown) {
      throw faultOf(thrown, doing, commands, advice)
    }
  }

  /** Asks the machine for something that may take a while, but not for ever. */
  async #await<Value>(doing: string, commands: number, advice: string, call: () => Promise<Value>): Promise<Value> {
    const { deadlineMs } = this.#sort
    const { promise: late, resolve } = withResolver<'late'>()
    const timer = setTimeout(() => resolve('late'), deadlineMs)
    try {
      const ended = await Promise.race([watchedTurn({ doing, commands }, call).then((value) => ({ value })), late])
      if (ended !== 'late') return ended.value
    } catch (thrown) {
      throw faultOf(thrown, doing, commands, advice)
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

const THROWN_AT_APPLY =
  'A node whose machine throws stops with ERR_RAFT_APPLY, and every other node at the same command: a refusal is a result, not an exception.'
const THROWN_AT_QUERY = 'Its caller is told of an error, and cannot know why: say in the answer that there is none.'
const THROWN_AT_SNAPSHOT = 'Without snapshots the log grows for ever: whatever state there may be, it must be told.'
const THROWN_AT_RESTORE =
  'A node that cannot restore cannot start: restore() must take what snapshot() has given, cut into chunks anywhere.'

function faultOf(thrown: unknown, doing: string, commands: number, advice: string): MachineFault {
  if (thrown instanceof MachineFault) return thrown
  return new MachineFault('throws', commands, `${doing} threw ${thrownWords(thrown)}\n${advice}`, thrown)
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
function isChanged({ bytes, encode }: Kept): boolean {
  try {
    return Buffer.compare(bytes, encode()) !== 0
  } catch {
    return true
  }
}

function withResolver<Value>(): { readonly promise: Promise<Value>; resolve(value: Value): void } {
  let resolve = (_: Value): void => {}
  const promise = new Promise<Value>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

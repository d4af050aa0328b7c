/** The addon made safe: no order of calls on a Database can crash the process or hang. It knows keys and values, no log. */
import { RaftError } from '../errors.ts'
import type { Binding, BindingBatch, BindingDatabase, BindingIterator, Callback, KeyRange } from './binding.ts'

export interface DatabaseOptions {
  readonly createIfMissing: boolean
  readonly writeBufferBytes: number
  readonly cacheBytes: number
}

/** The most bytes an iterator copies in one turn (one value may exceed it alone). */
const ITERATOR_STEP_BYTES = 1024 * 1024

/**
 * Open from the start; `close` ends it for good. Invariants: the addon is called only while `#state` is open, and closed once, when
 * no call is in flight and every iterator has been ended.
 */
export class Database {
  readonly #handle: BindingDatabase
  readonly #iterators = new Set<TrackedIterator>()
  #state: 'open' | 'closing' | 'closed' = 'open'
  #inFlight = 0
  #onIdle: (() => void) | undefined
  #closed: Promise<void> | undefined

  private constructor(handle: BindingDatabase) {
    this.#handle = handle
  }

  /** Rejects with the addon's own error, whose text is all there is. */
  static async open(binding: Binding, location: string, options: DatabaseOptions): Promise<Database> {
    const handle = binding(location)
    await new Promise<void>((resolve, reject) => {
      const settings = {
        createIfMissing: options.createIfMissing,
        compression: false,
        writeBufferSize: options.writeBufferBytes,
        cacheSize: options.cacheBytes,
      }
      handle.open(settings, (error) => (error ? reject(error) : resolve()))
    })
    return new Database(handle)
  }

  /** One atomic write of whatever `fill` puts into the batch; with `sync`, durable when resolved. */
  write(fill: (batch: BindingBatch) => void, sync: boolean): Promise<void> {
    return this.#call((callback) => {
      const batch = this.#handle.batch()
      fill(batch)
      batch.write({ sync: sync === true }, callback)
    })
  }

  /** Values by key, as of this call, their RocksDB checksums verified; undefined where there is none. */
  getMany(keys: readonly Buffer[]): Promise<(Buffer | undefined)[]> {
    return this.#call((callback) => this.#handle.getMany(keys, {}, callback))
  }

  async get(key: Buffer): Promise<Buffer | undefined> {
    return (await this.getMany([key]))[0]
  }

  /** Keys and values of a range, in order. RocksDB verifies no checksums here: the values must carry their own. */
  async *entries(range: KeyRange): AsyncGenerator<[key: Buffer, value: Buffer]> {
    const iterator = this.#openIterator(range)
    try {
      for (;;) {
        const entry = await this.#call<[Buffer, Buffer] | undefined>((callback) => iterator.next(callback))
        if (entry === undefined) return
        yield entry
      }
    } finally {
      await this.#endIterator(iterator)
    }
  }

  /** Deletes a range off the main thread. Neither atomic nor synced: only for what nobody will read again. */
  clear(range: KeyRange): Promise<void> {
    return this.#call((callback) => this.#handle.clear(range, callback))
  }

  /** Gives the space of deleted keys back. Reports no errors: the addon does not know them. */
  compactRange(range: KeyRange): Promise<void> {
    return this.#call((callback) => this.#handle.compactRange(range.gte, range.lt, callback))
  }

  /** Idempotent; waits for calls in flight. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#state = 'closing'
    if (this.#inFlight > 0)
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve
      })
    for (const iterator of this.#iterators) await iterator.end()
    this.#iterators.clear()
    await new Promise<void>((resolve, reject) => this.#handle.close((error) => (error ? reject(error) : resolve())))
    this.#state = 'closed'
  }

  #openIterator(range: KeyRange): TrackedIterator {
    if (this.#state !== 'open') throw closedError(this.#state)
    const iterator = new TrackedIterator(this.#handle.iterator({ ...range, highWaterMark: ITERATOR_STEP_BYTES }))
    this.#iterators.add(iterator)
    return iterator
  }

  async #endIterator(iterator: TrackedIterator): Promise<void> {
    if (this.#state === 'closed') return
    await iterator.end()
    this.#iterators.delete(iterator)
  }

  #call<Value = void>(start: (callback: Callback<Value>) => void): Promise<Value> {
    if (this.#state !== 'open') return Promise.reject(closedError(this.#state))
    this.#inFlight++
    return new Promise<Value>((resolve, reject) => {
      const settle: Callback<Value> = (error, value) => {
        this.#inFlight--
        if (error) reject(error)
        else resolve(value)
        if (this.#inFlight === 0) this.#onIdle?.()
      }
      try {
        start(settle)
      } catch (error) {
        settle(error instanceof Error ? error : new Error(String(error)), undefined as Value)
      }
    })
  }
}

/** An iterator that is ended once, whoever asks first: its user, or the database that closes. */
class TrackedIterator {
  readonly #iterator: BindingIterator
  #ended: Promise<void> | undefined

  constructor(iterator: BindingIterator) {
    this.#iterator = iterator
  }

  next(callback: Callback<[Buffer, Buffer] | undefined>): void {
    this.#iterator.next((error, key, value) =>
      callback(error, key === undefined || value === undefined ? undefined : [key, value]),
    )
  }

  end(): Promise<void> {
    this.#ended ??= new Promise<void>((resolve, reject) =>
      this.#iterator.end((error) => (error ? reject(error) : resolve())),
    )
    return this.#ended
  }
}

function closedError(state: string): RaftError {
  return new RaftError('ERR_RAFT_CLOSED', `the database is ${state}`)
}

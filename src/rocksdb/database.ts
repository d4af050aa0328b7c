/** A safe wrapper of the addon: no order of calls can crash the process or hang. It knows keys and values only, not the log. */
import { RaftError } from '../errors.ts'
import { descriptorLimit } from '../platform/descriptor-limit.ts'
import type { Binding, BindingBatch, BindingDatabase, BindingIterator, Callback, KeyRange } from './binding.ts'

export interface DatabaseOptions {
  readonly createIfMissing: boolean
  readonly writeBufferBytes: number
  readonly cacheBytes: number
}

/** The most tables that RocksDB keeps open, and of how many descriptors that is one: connections may use half of them. */
const TABLES_OPEN_MAX = 1000
const DESCRIPTORS_SHARE = 4

/** The most bytes that an iterator copies in one step, unless a single value is larger. */
const ITERATOR_STEP_BYTES = 1024 * 1024

/**
 * An open database; it cannot be reopened after `close`. Invariants: the addon is called only while `#state` is open. It is closed
 * once, after all calls in flight have returned and all iterators have ended.
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

  /** Rejects with the addon's own error, which has a text but no code. */
  static async open(binding: Binding, location: string, options: DatabaseOptions): Promise<Database> {
    const handle = binding(location)
    await new Promise<void>((resolve, reject) => {
      const settings = {
        createIfMissing: options.createIfMissing,
        compression: false,
        writeBufferSize: options.writeBufferBytes,
        cacheSize: options.cacheBytes,
        maxOpenFiles: Math.floor(Math.min(TABLES_OPEN_MAX, descriptorLimit() / DESCRIPTORS_SHARE)),
      }
      handle.open(settings, (error) => (error ? reject(error) : resolve()))
    })
    return new Database(handle)
  }

  /** Atomically writes the batch that `fill` fills; with `sync`, it is durable once the promise resolves. */
  write(fill: (batch: BindingBatch) => void, sync: boolean): Promise<void> {
    return this.#call((callback) => {
      const batch = this.#handle.batch()
      fill(batch)
      batch.write({ sync: sync === true }, callback)
    })
  }

  /** Reads values by key, with RocksDB's checksums verified; undefined for a missing key. */
  getMany(keys: readonly Buffer[]): Promise<(Buffer | undefined)[]> {
    return this.#call((callback) => this.#handle.getMany(keys, {}, callback))
  }

  async get(key: Buffer): Promise<Buffer | undefined> {
    return (await this.getMany([key]))[0]
  }

  /** Iterates over a range in order. RocksDB verifies no checksums here, so the values must contain their own. */
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

  /** Deletes a range off the main thread. It is neither atomic nor synced: use it only for data that is never read again. */
  clear(range: KeyRange): Promise<void> {
    return this.#call((callback) => this.#handle.clear(range, callback))
  }

  /** Reclaims the disk space of deleted keys. The addon reports no errors of this call. */
  compactRange(range: KeyRange): Promise<void> {
    return this.#call((callback) => this.#handle.compactRange(range.gte, range.lt, callback))
  }

  /** Closes the database after the calls in flight. Idempotent. */
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

/** An iterator that is ended exactly once, either by its user or by the database when it closes. */
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

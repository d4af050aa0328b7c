/** The key-value state machine: a sorted map with an O(1) copy-on-write clone, so that writes continue during a snapshot. */
import type { ApplyContext, StateMachine } from '../contracts/state-machine.ts'
import type { HashedEntry } from './digest.ts'
import { Digest } from './digest.ts'
import type { KvAnswer, KvCommand, KvEntry, KvQuery, KvResult } from './model.ts'
import { LIST_BYTES_MAX } from './model.ts'
import { decodeSnapshot, encodeSnapshot } from './snapshot-format.ts'
import { sortedMap } from './sorted-map.ts'

/** Holds the value as a string with one byte per character: a million strings are cheap for the garbage collector, a million buffers are not. */
type StoredEntry = HashedEntry

type Put = Extract<KvCommand, { readonly type: 'put' }>
type CompareAndSet = Extract<KvCommand, { readonly type: 'compareAndSet' }>
type List = Extract<KvQuery, { readonly type: 'list' }>

export class KeyValueMachine implements StateMachine<KvCommand, KvResult, KvQuery, KvAnswer> {
  /** Invariant: `#digest` is the sum over exactly these entries. */
  #entries = sortedMap<StoredEntry>()
  #digest = new Digest()

  get size(): number {
    return this.#entries.size
  }

  apply(command: KvCommand, context: ApplyContext): KvResult {
    switch (command.type) {
      case 'put':
        return this.#put(command, context)
      case 'delete':
        return this.#delete(command.key)
      case 'compareAndSet':
        return this.#compareAndSet(command, context)
      case 'malformed':
        return { type: 'refused', reason: `bad command: ${command.reason}` }
    }
  }

  query(query: KvQuery): KvAnswer {
    switch (query.type) {
      case 'get': {
        const stored = this.#entries.get(query.key)
        return stored === undefined ? { type: 'absent' } : { type: 'found', entry: entryOf(query.key, stored) }
      }
      case 'list':
        return this.#list(query)
      case 'digest':
        return { type: 'digest', count: this.#entries.size, digest: this.#digest.toString() }
      case 'malformed':
        return { type: 'refused', reason: `bad query: ${query.reason}` }
    }
  }

  digest(): string {
    return this.#digest.toString()
  }

  /** The clone shares all nodes of the tree; a write copies the nodes that it changes, 32 keys each. */
  snapshot(): Iterable<Uint8Array> {
    return encodeSnapshot(this.#entries.clone().entries())
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const entries = sortedMap<StoredEntry>()
    const digest = new Digest()
    for await (const records of decodeSnapshot(chunks, digest)) {
      for (const [key, entry] of records) entries.set(key, entry)
    }
    this.#entries = entries
    this.#digest = digest
  }

  #put({ key, value }: Put, { index }: ApplyContext): KvResult {
    const previous = this.#entries.get(key)
    const entry: StoredEntry = { value: storedValue(value), version: (previous?.version ?? 0) + 1, index }
    if (previous !== undefined) this.#digest.remove(key, previous)
    this.#digest.add(key, entry)
    this.#entries.set(key, entry)
    return { type: 'written', version: entry.version }
  }

  #delete(key: string): KvResult {
    const previous = this.#entries.get(key)
    if (previous === undefined) return { type: 'absent' }
    this.#digest.remove(key, previous)
    this.#entries.delete(key)
    return { type: 'deleted' }
  }

  #compareAndSet(command: CompareAndSet, context: ApplyContext): KvResult {
    const { key, expected, value } = command
    const previous = this.#entries.get(key)
    if (matches(previous, expected)) return this.#put({ type: 'put', key, value }, context)
    return { type: 'mismatch', entry: previous === undefined ? undefined : entryOf(key, previous) }
  }

  #list({ prefix, after, limit }: List): KvAnswer {
    const entries: KvEntry[] = []
    let bytes = 0
    const from = after !== undefined && after > prefix ? after : prefix
    for (const [key, stored] of this.#entries.entries(from)) {
      if (!key.startsWith(prefix)) break
      if (after !== undefined && key <= after) continue
      if (entries.length >= limit || bytes > LIST_BYTES_MAX) return { type: 'listed', entries, more: true }
      entries.push(entryOf(key, stored))
      bytes += key.length + stored.value.length
    }
    return { type: 'listed', entries, more: false }
  }
}

function matches(stored: StoredEntry | undefined, expected: CompareAndSet['expected']): boolean {
  switch (expected.type) {
    case 'absent':
      return stored === undefined
    case 'value':
      return stored !== undefined && stored.value === storedValue(expected.value)
    case 'index':
      return stored !== undefined && stored.index === expected.index
  }
}

function storedValue(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1')
}

function entryOf(key: string, stored: StoredEntry): KvEntry {
  return { key, value: Buffer.from(stored.value, 'latin1'), version: stored.version, index: stored.index }
}

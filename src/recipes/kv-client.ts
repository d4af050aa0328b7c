/** The key-value state machine of this package, for programs: keys with revisions, and compare-and-set. */
import type { CallOptions, ReadOptions } from '../contracts/node-service.ts'
import { RaftError } from '../errors.ts'
import type { KvAnswer, KvCommand, KvEntry, KvExpectation, KvQuery, KvResult } from '../kv/index.ts'
import { kvAnswerCodec, kvCommandCodec, kvQueryCodec, kvResultCodec, LIST_ENTRIES_MAX } from '../kv/index.ts'
import type { RecipeCodecs } from './codecs.ts'
import type { Proposer } from './proposer.ts'

/** The codecs of a key-value machine: the bytes of `quorate serve`. */
export const kvCodecs: RecipeCodecs<KvCommand, KvResult, KvQuery, KvAnswer> = {
  codec: kvCommandCodec,
  resultCodec: kvResultCodec,
  queryCodec: kvQueryCodec,
  answerCodec: kvAnswerCodec,
}

/** What a key-value client needs beside `propose`: a `RaftClient` or a `RaftNode` with the codecs of the recipe. */
export interface Querier<Query, Answer> {
  query(query: Query, options?: ReadOptions): Promise<Answer>
}

/** The options of `KvClient.list`. */
export interface ListOptions extends ReadOptions {
  /** Only keys after this one: the last key of the page before. */
  readonly after?: string | undefined
  /** The size of a page. Default: 1000, which is also the maximum. */
  readonly limit?: number | undefined
}

/** Keys and values of a cluster whose state machine is a KeyValueMachine, such as that of `quorate serve`. */
export interface KvClient {
  /** `index` of the entry is its revision: no other write of any key has the same. */
  get(key: string, options?: ReadOptions): Promise<KvEntry | undefined>
  put(key: string, value: Uint8Array, options?: CallOptions): Promise<{ readonly version: number }>
  /** False if there is no such key. */
  delete(key: string, options?: CallOptions): Promise<boolean>
  /** Writes if the key is as expected; otherwise `isWritten` is false, and `entry` is what it is. */
  compareAndSet(
    key: string,
    expected: KvExpectation,
    value: Uint8Array,
    options?: CallOptions,
  ): Promise<
    | { readonly isWritten: true; readonly version: number }
    | { readonly isWritten: false; readonly entry: KvEntry | undefined }
  >
  /** A page of the keys that start with `prefix`, in the order of their UTF-16 code units; if `more`, the next one begins after its last key. */
  list(prefix: string, options?: ListOptions): Promise<{ readonly entries: readonly KvEntry[]; readonly more: boolean }>
}

/** Makes a client of the keys behind a client with the codecs of the key-value machine. */
export function kvClient(cluster: Proposer<KvCommand, KvResult> & Querier<KvQuery, KvAnswer>): KvClient {
  return {
    async get(key, options) {
      const answer = await cluster.query({ type: 'get', key }, options)
      if (answer.type === 'found') return answer.entry
      if (answer.type === 'absent') return undefined
      throw unexpected(answer)
    },
    async put(key, value, options) {
      const result = await cluster.propose({ type: 'put', key, value }, options)
      if (result.type === 'written') return { version: result.version }
      throw unexpected(result)
    },
    async delete(key, options) {
      const result = await cluster.propose({ type: 'delete', key }, options)
      if (result.type === 'deleted') return true
      if (result.type === 'absent') return false
      throw unexpected(result)
    },
    async compareAndSet(key, expected, value, options) {
      const result = await cluster.propose({ type: 'compareAndSet', key, expected, value }, options)
      if (result.type === 'written') return { isWritten: true, version: result.version }
      if (result.type === 'mismatch') return { isWritten: false, entry: result.entry }
      throw unexpected(result)
    },
    async list(prefix, { after, limit = LIST_ENTRIES_MAX, ...options } = {}) {
      const answer = await cluster.query({ type: 'list', prefix, after, limit }, options)
      if (answer.type === 'listed') return { entries: answer.entries, more: answer.more }
      throw unexpected(answer)
    },
  }
}

function unexpected(answer: KvResult | KvAnswer): RaftError {
  const why = answer.type === 'refused' ? answer.reason : `it answered '${answer.type}'`
  return new RaftError('ERR_RAFT_BAD_MESSAGE', `the key-value machine refused the request: ${why}`, {
    hint: 'check that the nodes run a KeyValueMachine of a release that knows this request',
  })
}

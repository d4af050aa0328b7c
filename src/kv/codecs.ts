/** The codecs of the key-value service: commands, results, queries and answers as bytes. */
import type { Codec } from '../contracts/state-machine.ts'
import { RaftError } from '../errors.ts'
import { ByteReader, MalformedError } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import type { KvAnswer, KvCommand, KvEntry, KvExpectation, KvQuery, KvResult } from './model.ts'
import { KEY_BYTES_MAX, LIST_ENTRIES_MAX } from './model.ts'

const PUT = 1
const DELETE = 2
const COMPARE_AND_SET = 3

const GET = 1
const LIST = 2
const DIGEST = 3

/**
 * A command as bytes: u8 operation | u32 length and UTF-8 of the key | for a compare-and-set, the expectation | the value, to the end.
 * `decode` never throws: a client may send any bytes, and an entry in the log must not stop the nodes that apply it.
 */
export const kvCommandCodec: Codec<KvCommand> = {
  encode(command) {
    switch (command.type) {
      case 'put':
        return new ByteWriter().byte(PUT).text(checkedKey(command.key)).raw(command.value).bytes()
      case 'delete':
        return new ByteWriter().byte(DELETE).text(checkedKey(command.key)).bytes()
      case 'compareAndSet': {
        const writer = new ByteWriter().byte(COMPARE_AND_SET).text(checkedKey(command.key))
        writeExpectation(writer, command.expected)
        return writer.raw(command.value).bytes()
      }
      case 'malformed':
        return new Uint8Array(0)
    }
  },
  decode: (bytes) => orMalformed(() => readCommand(new ByteReader(bytes))),
}

function readCommand(reader: ByteReader): KvCommand {
  const operation = reader.byte('operation')
  const key = readKey(reader)
  switch (operation) {
    case PUT:
      return { type: 'put', key, value: reader.rest() }
    case DELETE:
      reader.end()
      return { type: 'delete', key }
    case COMPARE_AND_SET: {
      const expected = readExpectation(reader)
      return { type: 'compareAndSet', key, expected, value: reader.rest() }
    }
    default:
      throw new MalformedError(`unknown operation ${operation}`)
  }
}

export const kvResultCodec: Codec<KvResult> = {
  encode(result) {
    switch (result.type) {
      case 'written':
        return new ByteWriter().byte(1).count(result.version).bytes()
      case 'deleted':
        return Uint8Array.of(2)
      case 'absent':
        return Uint8Array.of(3)
      case 'mismatch':
        if (result.entry === undefined) return Uint8Array.of(4)
        return writeEntry(new ByteWriter().byte(5), result.entry).bytes()
      case 'refused':
        return new ByteWriter().byte(6).text(result.reason).bytes()
    }
  },
  decode(bytes) {
    const reader = new ByteReader(bytes)
    const tag = reader.byte('kind')
    if (tag === 1) return { type: 'written', version: reader.count('version') }
    if (tag === 2) return { type: 'deleted' }
    if (tag === 3) return { type: 'absent' }
    if (tag === 4) return { type: 'mismatch', entry: undefined }
    if (tag === 5) return { type: 'mismatch', entry: readEntry(reader) }
    if (tag === 6) return { type: 'refused', reason: reader.text('reason') }
    throw unknownKind(tag)
  },
}

/** A query as bytes; `decode` never throws, as for commands. */
export const kvQueryCodec: Codec<KvQuery> = {
  encode(query) {
    switch (query.type) {
      case 'get':
        return new ByteWriter().byte(GET).text(checkedKey(query.key)).bytes()
      case 'list': {
        const writer = new ByteWriter().byte(LIST).text(query.prefix).count(query.limit)
        return (query.after === undefined ? writer : writer.text(query.after)).bytes()
      }
      case 'digest':
        return Uint8Array.of(DIGEST)
      case 'malformed':
        return new Uint8Array(0)
    }
  },
  decode: (bytes) => orMalformed(() => readQuery(new ByteReader(bytes))),
}

function readQuery(reader: ByteReader): KvQuery {
  const operation = reader.byte('operation')
  if (operation === GET) {
    const key = readKey(reader)
    reader.end()
    return { type: 'get', key }
  }
  if (operation === LIST) {
    const prefix = reader.text('prefix')
    const limit = Math.max(1, Math.min(reader.count('limit'), LIST_ENTRIES_MAX))
    const after = reader.isAtEnd ? undefined : reader.text('start key')
    reader.end()
    return { type: 'list', prefix, limit, after }
  }
  if (operation !== DIGEST) throw new MalformedError(`unknown operation ${operation}`)
  reader.end()
  return { type: 'digest' }
}

export const kvAnswerCodec: Codec<KvAnswer> = {
  encode(answer) {
    switch (answer.type) {
      case 'found':
        return writeEntry(new ByteWriter().byte(1), answer.entry).bytes()
      case 'absent':
        return Uint8Array.of(2)
      case 'listed': {
        const writer = new ByteWriter()
          .byte(3)
          .byte(answer.more ? 1 : 0)
          .count(answer.entries.length)
        for (const entry of answer.entries) writeEntry(writer, entry)
        return writer.bytes()
      }
      case 'digest':
        return new ByteWriter().byte(4).count(answer.count).text(answer.digest).bytes()
      case 'refused':
        return new ByteWriter().byte(5).text(answer.reason).bytes()
    }
  },
  decode(bytes) {
    const reader = new ByteReader(bytes)
    const tag = reader.byte('kind')
    if (tag === 1) return { type: 'found', entry: readEntry(reader) }
    if (tag === 2) return { type: 'absent' }
    if (tag === 3) {
      const more = reader.byte('more') === 1
      const entries: KvEntry[] = []
      for (let left = reader.count('number of entries'); left > 0; left--) entries.push(readEntry(reader))
      return { type: 'listed', entries, more }
    }
    if (tag === 4) return { type: 'digest', count: reader.count('count'), digest: reader.text('digest') }
    if (tag === 5) return { type: 'refused', reason: reader.text('reason') }
    throw unknownKind(tag)
  },
}

function writeExpectation(writer: ByteWriter, expected: KvExpectation): void {
  if (expected.type === 'absent') writer.byte(0)
  else if (expected.type === 'value') writer.byte(1).sized(expected.value)
  else writer.byte(2).count(expected.index)
}

function readExpectation(reader: ByteReader): KvExpectation {
  const tag = reader.byte('expectation')
  if (tag === 0) return { type: 'absent' }
  if (tag === 1) return { type: 'value', value: reader.sized('expected value') }
  if (tag === 2) return { type: 'index', index: reader.count('expected index') }
  throw new MalformedError(`unknown expectation ${tag}`)
}

function writeEntry(writer: ByteWriter, entry: KvEntry): ByteWriter {
  return writer.text(entry.key).sized(entry.value).count(entry.version).count(entry.index)
}

function readEntry(reader: ByteReader): KvEntry {
  return {
    key: reader.text('key'),
    value: reader.sized('value'),
    version: reader.count('version'),
    index: reader.count('index'),
  }
}

function readKey(reader: ByteReader): string {
  const key = reader.text('key')
  const problem = keyProblem(key)
  if (problem !== undefined) throw new MalformedError(problem)
  return key
}

/** Why a key is invalid, as text after "bad command: ", or undefined. */
function keyProblem(key: string): string | undefined {
  if (key === '') return 'its key is empty'
  const bytes = Buffer.byteLength(key, 'utf8')
  if (bytes > KEY_BYTES_MAX) return `its key has ${bytes} bytes, the limit is ${KEY_BYTES_MAX}`
  if (/\p{Surrogate}/u.test(key)) return 'its key contains a lone surrogate, which UTF-8 cannot encode'
  return undefined
}

function checkedKey(key: string): string {
  const problem = keyProblem(key)
  if (problem === undefined) return key
  throw new RaftError('ERR_RAFT_OPTIONS', `bad command: ${problem}`, { hint: 'choose another key' })
}

function orMalformed<Value>(read: () => Value): Value | { readonly type: 'malformed'; readonly reason: string } {
  try {
    return read()
  } catch (error) {
    if (error instanceof MalformedError) return { type: 'malformed', reason: error.message }
    throw error
  }
}

function unknownKind(tag: number): MalformedError {
  return new MalformedError(`unknown kind ${tag}`)
}

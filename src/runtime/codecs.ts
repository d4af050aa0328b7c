/** The codecs of a node, and the errors of values that they refuse. */
import type { Codec } from '../contracts/state-machine.ts'
import { RaftError } from '../errors.ts'
import { jsonCodec } from '../platform/json-codec.ts'
import type { NodeOptions } from './options.ts'

export interface Codecs<Command, Result, Query, Answer> {
  readonly command: Codec<Command>
  readonly result: Codec<Result>
  readonly query: Codec<Query>
  readonly answer: Codec<Answer>
}

export function codecsOf<Command, Result, Query, Answer>(
  options: NodeOptions<Command, Result, Query, Answer>,
): Codecs<Command, Result, Query, Answer> {
  const { codec, resultCodec, queryCodec, answerCodec } = options
  return {
    command: codec ?? jsonCodec(),
    result: resultCodec ?? jsonCodec(),
    query: queryCodec ?? jsonCodec(),
    answer: answerCodec ?? jsonCodec(),
  }
}

export function encodeCommand<Command>(codec: Codec<Command>, command: Command): Uint8Array {
  try {
    return codec.encode(command)
  } catch (cause) {
    throw codecError('proposal', 'the command cannot be encoded', cause)
  }
}

/** The caller may be of another program: `quorate put` encodes the commands of the key-value service. */
const DECODING_HINT =
  'call with the codecs of the nodes: `quorate put`, `get` and the like have those of `quorate serve`'

/** A command from the network that cannot be decoded must not enter the log, where it would stop every node. */
export function decodeCommand<Command>(codec: Codec<Command>, command: Uint8Array): Command {
  try {
    return codec.decode(command)
  } catch (cause) {
    throw codecError('proposal', 'the command cannot be decoded', cause, DECODING_HINT)
  }
}

export function decodeQuery<Query>(codec: Codec<Query>, query: Uint8Array): Query {
  try {
    return codec.decode(query)
  } catch (cause) {
    throw codecError('read', 'the query cannot be decoded', cause, DECODING_HINT)
  }
}

function codecError(operation: 'proposal' | 'read', what: string, cause: unknown, hint?: string): RaftError {
  return new RaftError('ERR_RAFT_BAD_MESSAGE', `the ${operation} was not started: ${what}: ${String(cause)}`, {
    ...{ outcome: 'not-applied', hint, cause },
  })
}

export function tooLargeError(size: number, limit: number): RaftError {
  return new RaftError('ERR_RAFT_TOO_LARGE', `the command has ${size} bytes, more than commandBytesMax (${limit})`, {
    hint: 'split the command, store large values elsewhere, or raise commandBytesMax on every node',
    details: { size, limit },
  })
}

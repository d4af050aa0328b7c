/** The codecs of the recipes, JSON with a version, and the check of what they decode: a client may send any bytes. */
import type { Codec } from '../contracts/state-machine.ts'
import { RaftError } from '../errors.ts'
import { textOf, utf8 } from '../platform/bytes.ts'
import { errorMessage } from '../platform/error-message.ts'
import type { OptionCheck } from '../platform/options.ts'

const VERSION = 1

/** What bytes that are not a command or query decode to. Every node answers it with the same refusal. */
export interface Malformed {
  readonly type: 'malformed'
  readonly reason: string
}

/** The fields of each type of command or query, and their checks. */
export type Shapes = Readonly<Record<string, Readonly<Record<string, OptionCheck>>>>

/** The codecs of a recipe, to be spread into the options of a node and of a client. */
export interface RecipeCodecs<Command, Result, Query, Answer> {
  readonly codec: Codec<Command>
  readonly resultCodec: Codec<Result>
  readonly queryCodec: Codec<Query>
  readonly answerCodec: Codec<Answer>
}

export function recipeCodecs<
  Command extends { readonly type: string },
  Result extends object,
  Query extends { readonly type: string },
  Answer extends object,
>(commands: Shapes, queries: Shapes): RecipeCodecs<Command, Result, Query, Answer> {
  return {
    codec: requestCodec<Command>('command', commands),
    resultCodec: versioned<Result>(),
    queryCodec: requestCodec<Query>('query', queries),
    answerCodec: versioned<Answer>(),
  }
}

function requestCodec<Request extends { readonly type: string }>(what: string, shapes: Shapes): Codec<Request> {
  const { encode, decode } = versioned<Request>()
  return {
    encode(request) {
      const problem = problemOf(request, shapes)
      if (problem === undefined) return encode(request)
      throw new RaftError('ERR_RAFT_OPTIONS', `bad ${what}: ${problem}`)
    },
    decode(bytes) {
      try {
        return decode(bytes)
      } catch (error) {
        return { type: 'malformed', reason: errorMessage(error) } as unknown as Request
      }
    },
  }
}

function versioned<Value extends object>(): Codec<Value> {
  return {
    encode: (value) => utf8(JSON.stringify({ v: VERSION, ...value })),
    decode(bytes) {
      const { v, ...value } = JSON.parse(textOf(bytes)) as { readonly v?: unknown }
      if (v !== VERSION) throw new RaftError('ERR_RAFT_BAD_MESSAGE', `it has version ${v}, not ${VERSION}`)
      return value as Value
    },
  }
}

/** Why a value is none of these requests, or undefined. */
export function problemOf(request: unknown, shapes: Shapes): string | undefined {
  const { type, ...fields } = (request ?? {}) as Record<string, unknown>
  if (type === 'malformed') return String(fields.reason)
  const shape = typeof type === 'string' && Object.hasOwn(shapes, type) ? shapes[type] : undefined
  if (shape === undefined) return `its type is none of ${Object.keys(shapes).join(', ')}`
  const unknown = Object.keys(fields).find((name) => !Object.hasOwn(shape, name))
  if (unknown !== undefined) return `it has an unknown field '${unknown.slice(0, NAME_LENGTH_MAX)}'`
  for (const [name, check] of Object.entries(shape)) {
    const problem = check(fields[name])
    if (problem !== undefined) return `${name} ${problem}`
  }
  return undefined
}

/** The longest name of a lock, queue or the like, and the longest id, in UTF-16 code units. */
export const NAME_LENGTH_MAX = 256

export const checkName: OptionCheck = (value) => {
  if (typeof value !== 'string') return `must be a string, not a ${typeof value}`
  if (value.length < 1 || value.length > NAME_LENGTH_MAX)
    return `must have 1 to ${NAME_LENGTH_MAX} characters, not ${value.length}`
  return /\p{Surrogate}/u.test(value) ? 'contains a lone surrogate, which UTF-8 cannot encode' : undefined
}

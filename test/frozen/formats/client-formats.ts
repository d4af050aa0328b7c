/** What clients and nodes send to each other: every message of the client and admin services, with every field and every value of an enum. */
import type { ServiceDefinition } from '@grpc/grpc-js'
import type { ErrorFacts } from '../../../src/grpc/shared/error-facts.ts'
import { adminDefinition, clientDefinition, messageType } from '../../../src/grpc/shared/service-definitions.ts'
import { decodeDetails, encodeDetails } from '../../../src/grpc/shared/status-details.ts'
import type { FrozenFormat, Sample } from '../fixture-file.ts'

interface FieldType {
  readonly name: string
  readonly number: number
  readonly label: string
  readonly type: string
  readonly typeName: string
}

interface Descriptor {
  readonly name: string
  readonly field: readonly FieldType[]
  readonly value: readonly { readonly name: string }[]
}

const PACKAGE = 'quorate.v1'

/** The errors of unary calls are sent in it. */
const DETAILS = 'grpc-status-details-bin'
const STATUS = 14
const FACTS: ErrorFacts = {
  ...{ code: 'ERR_RAFT_NOT_LEADER', message: 'n1 does not lead', outcome: 'not-applied', retryable: true },
  hint: 'ask n2',
  leader: { id: 'n2', address: '127.0.0.1:27402', term: 7 },
  details: { limit: 5 },
}

function descriptorOf(name: string): Descriptor {
  return (messageType(name) as unknown as { readonly type: Descriptor }).type
}

function messagesOf(service: ServiceDefinition): string[] {
  return Object.values(service).flatMap((method) => {
    const { requestType, responseType } = method as unknown as Record<string, { readonly type: Descriptor }>
    return [requestType, responseType].map((type) => `${PACKAGE}.${type?.type.name}`)
  })
}

/** A message in which every field has a value of its own. `choice` selects the values of enums. */
function sampleOf(name: string, choice: number): object {
  const fields = descriptorOf(name).field.map((field): [string, unknown] => {
    if (isMap(field)) return [camelCase(field.name), { [`key ${choice}`]: `value ${choice}` }]
    const values = [sampleField(field, choice), sampleField(field, choice + 1)]
    return [camelCase(field.name), field.label === 'LABEL_REPEATED' ? values : values[0]]
  })
  return Object.fromEntries(fields)
}

/** The entry of a map is not a message that can be looked up. Every map of the services is one of strings. */
function isMap({ type, typeName }: FieldType): boolean {
  return type === 'TYPE_MESSAGE' && messageType(`${PACKAGE}.${typeName}`) === undefined
}

function sampleField({ name, number, type, typeName }: FieldType, choice: number): unknown {
  const typed = `${PACKAGE}.${typeName}`
  switch (type) {
    case 'TYPE_MESSAGE':
      return sampleOf(typed, choice)
    case 'TYPE_ENUM': {
      const { value } = descriptorOf(typed)
      return value[choice % value.length]?.name
    }
    case 'TYPE_STRING':
      return `${name} ${choice}`
    case 'TYPE_BYTES':
      return Buffer.of(number, choice, 255)
    case 'TYPE_BOOL':
      return true
    case 'TYPE_DOUBLE':
      return number + choice + 0.5
    case 'TYPE_UINT64':
    case 'TYPE_INT64':
      return 2 ** 40 + 1000 * number + choice
    default:
      return 2 ** 20 + 1000 * number + choice
  }
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

/** How many values the largest enum has. */
const CHOICES = 5

/** A field without a value equals one that a release does not know. */
function withoutDefaults(value: unknown): unknown {
  if (value instanceof Uint8Array) return value.length === 0 ? undefined : value
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map(withoutDefaults)
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, withoutDefaults(field)]))
  const isDefault = value === 0 || value === '' || value === false || value === null
  return isDefault || (typeof value === 'string' && value.endsWith('_UNSPECIFIED')) ? undefined : value
}

export const clientMessages: FrozenFormat = {
  name: 'client-messages',
  samples: () => {
    const names = [...new Set([...messagesOf(clientDefinition()), ...messagesOf(adminDefinition())])]
    const messages = names.flatMap((name): Sample[] => {
      const all = Array.from({ length: CHOICES }, (_, choice) => ({
        name: `${name} ${choice + 1}`,
        bytes: typeOf(name).serialize(sampleOf(name, choice)),
      }))
      const [first, second] = [0, 1].map((choice) => JSON.stringify(sampleOf(name, choice)).replace(/\d/g, ''))
      const hasEnums = first !== second
      return hasEnums ? all : all.slice(0, 1)
    })
    return [...messages, { name: DETAILS, bytes: encodeDetails(STATUS, FACTS.message, FACTS) }]
  },
  read: (bytes, name) => (name === DETAILS ? decodeDetails(bytes) : withoutDefaults(decodeMessage(bytes, name))),
  rewrite: (bytes, name) => {
    if (name !== DETAILS) return typeOf(name).serialize(decodeMessage(bytes, name))
    const facts = decodeDetails(bytes) as ErrorFacts
    return encodeDetails(STATUS, facts.message, facts)
  },
}

/** The type of a sample; its number follows the name. */
function typeOf(name: string): ReturnType<typeof messageType> {
  return messageType(name.replace(/ \d+$/, ''))
}

function decodeMessage(bytes: Buffer, name: string): object {
  return typeOf(name).deserialize(bytes)
}

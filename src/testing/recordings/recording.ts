/** The format of a recording: JSON lines, the first names the format, every other one is an observation. */
import type { Observation } from '../properties/observation.ts'
import { fileError } from '../text/first-line.ts'

/** How a recording begins. */
export const RECORDING_FORMAT: string = JSON.stringify({ format: 'quorate recording', version: 1 })
/** The judges keep what they know of every index up to the last: a line that speaks of a later one than this is refused. */
export const RECORDED_INDEX_MAX: number = 10_000_000
/** Fields that are an index, or a number of entries. */
const INDEX_FIELDS: ReadonlySet<string> = new Set([
  'index',
  'first',
  'count',
  'commitIndex',
  'lastIndex',
  'truncateAfter',
])
/** This release reads no other version. */
const VERSION = 1

/** All that can be observed; of a new type the type check asks for a place here. */
const TYPES: { readonly [Type in Observation['type']]: true } = {
  started: true,
  stepped: true,
  durable: true,
  crashed: true,
  wiped: true,
  sent: true,
  applied: true,
  restored: true,
  invoked: true,
  returned: true,
  ended: true,
}

/** What JSON has no words for, under a name that no field has. */
type EncodedValue = { readonly $bytes: string } | { readonly $map: readonly unknown[] } | { readonly $number: string }

/** One observation as a line, without its end. */
export function recordingLine(observation: Observation): string {
  return JSON.stringify(observation, function (this: Readonly<Record<string, unknown>>, key: string, value: unknown) {
    // A Buffer has made itself something else before it comes here.
    return encodeSpecial(this[key]) ?? value
  })
}

function encodeSpecial(value: unknown): EncodedValue | undefined {
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') }
  if (value instanceof Map) return { $map: [...value] }
  if (typeof value === 'number' && !Number.isFinite(value)) return { $number: String(value) }
  return undefined
}

/** Reads a line back; `number` is its place in the file, for the error of one that is no observation. */
export function parseObservation(line: string, number: number): Observation {
  let value: unknown
  try {
    value = JSON.parse(line, decodeSpecial)
  } catch (error) {
    throw recordingError(
      error instanceof RangeError ? error.message : `it is no JSON: ${(error as Error).message}`,
      number,
    )
  }
  const type = typeof value === 'object' && value !== null && 'type' in value ? String(value.type) : undefined
  if (type === undefined || !Object.hasOwn(TYPES, type))
    throw recordingError(
      `an observation has one of the types ${Object.keys(TYPES).join(', ')}, and not ${type}`,
      number,
    )
  return value as Observation
}

function decodeSpecial(key: string, value: unknown): unknown {
  if (INDEX_FIELDS.has(key) && Number(value) > RECORDED_INDEX_MAX)
    throw new RangeError(`${key} is ${value}, and nothing beyond ${RECORDED_INDEX_MAX} is judged`)
  if (Number.isInteger(value) && !Number.isSafeInteger(value))
    throw new RangeError(`${value} is no number that JSON carries unchanged`)
  if (typeof value !== 'object' || value === null) return value
  if ('$bytes' in value) return new Uint8Array(Buffer.from(String(value.$bytes), 'base64'))
  if ('$map' in value) return new Map(value.$map as readonly (readonly [unknown, unknown])[])
  return '$number' in value ? Number(value.$number) : value
}

/** Throws unless the line begins a recording of a version that can be read. */
export function checkRecordingFormat(line: string): void {
  let head: unknown
  try {
    head = JSON.parse(line)
  } catch {
    head = undefined
  }
  const { format, version } = (typeof head === 'object' && head !== null ? head : {}) as Record<string, unknown>
  if (format !== 'quorate recording')
    throw recordingError(`the first line is '${line.slice(0, 60)}', and not ${RECORDING_FORMAT}`, 1)
  if (version !== VERSION)
    throw recordingError(`it is of version ${version} of its format, and this release reads version ${VERSION}`, 1)
}

export function recordingError(why: string, line: number): Error {
  return fileError(why, { line, doing: 'judged', hint: 'Recordings are explained in docs/reference/run-files.md.' })
}

/** The format of recordings: JSON lines, of which the first names the format and every other one is an observation. */
import { fromBase64, toBase64 } from '../../platform/bytes.ts'
import type { Observation } from '../properties/observation.ts'
import { fileError } from '../text/first-line.ts'

/** The first line of a recording. */
export const RECORDING_FORMAT: string = JSON.stringify({ format: 'quorate recording', version: 1 })
/** Larger indexes are rejected, because the properties keep data for every index up to the last. */
const RECORDED_INDEX_MAX = 10_000_000
/** Fields that hold an index or a number of entries. */
const INDEX_FIELDS: ReadonlySet<string> = new Set([
  'index',
  'wantedIndex',
  'firstIndex',
  'first',
  'count',
  'commitIndex',
  'lastIndex',
  'truncateAfter',
])
/** This release reads no other version. */
const VERSION = 1

/** Every type of observation; a new type without a line here fails the type check. */
const TYPES: { readonly [Type in Observation['type']]: true } = {
  started: true,
  stepped: true,
  durable: true,
  crashed: true,
  wiped: true,
  rolledBack: true,
  sent: true,
  applied: true,
  restored: true,
  invoked: true,
  returned: true,
  changed: true,
  compacted: true,
  ended: true,
}

/** Values that JSON cannot represent, under names that no field has. */
type EncodedValue = { readonly $bytes: string } | { readonly $map: readonly unknown[] } | { readonly $number: string }

/** Formats an observation as one line, without the line break. */
export function recordingLine(observation: Observation): string {
  return JSON.stringify(observation, function (this: Readonly<Record<string, unknown>>, key: string, value: unknown) {
    // `value` is the result of toJSON for a Buffer, so look at the original.
    return encodeSpecial(this[key]) ?? value
  })
}

function encodeSpecial(value: unknown): EncodedValue | undefined {
  if (value instanceof Uint8Array) return { $bytes: toBase64(value) }
  if (value instanceof Map) return { $map: [...value] }
  if (typeof value === 'number' && !Number.isFinite(value)) return { $number: String(value) }
  return undefined
}

/** Parses a line. `number` is the line number, for the error if the line is invalid. */
export function parseObservation(line: string, number: number): Observation {
  let value: unknown
  try {
    value = JSON.parse(line, decodeSpecial)
  } catch (error) {
    throw recordingError(
      error instanceof RangeError ? error.message : `invalid JSON: ${(error as Error).message}`,
      number,
    )
  }
  const type = typeof value === 'object' && value !== null && 'type' in value ? String(value.type) : undefined
  if (type === undefined || !Object.hasOwn(TYPES, type))
    throw recordingError(`unknown observation type ${type}; the types are ${Object.keys(TYPES).join(', ')}`, number)
  return value as Observation
}

function decodeSpecial(key: string, value: unknown): unknown {
  if (INDEX_FIELDS.has(key) && Number(value) > RECORDED_INDEX_MAX)
    throw new RangeError(`${key} is ${value}, more than the maximum of ${RECORDED_INDEX_MAX}`)
  if (Number.isInteger(value) && !Number.isSafeInteger(value))
    throw new RangeError(`${value} is not an integer that JSON represents exactly`)
  if (typeof value !== 'object' || value === null) return value
  if ('$bytes' in value) return fromBase64(String(value.$bytes))
  if ('$map' in value) return new Map(value.$map as readonly (readonly [unknown, unknown])[])
  return '$number' in value ? Number(value.$number) : value
}

/** Throws unless the line is the first line of a recording in a version that this release reads. */
export function checkRecordingFormat(line: string): void {
  let head: unknown
  try {
    head = JSON.parse(line)
  } catch {
    head = undefined
  }
  const { format, version } = (typeof head === 'object' && head !== null ? head : {}) as Record<string, unknown>
  if (format !== 'quorate recording')
    throw recordingError(`the first line is '${line.slice(0, 60)}' instead of ${RECORDING_FORMAT}`, 1)
  if (version !== VERSION)
    throw recordingError(`the file has version ${version} of its format, and this release reads version ${VERSION}`, 1)
}

export function recordingError(why: string, line: number): Error {
  return fileError(why, { line, doing: 'checked', hint: 'docs/reference/run-files.md describes recordings.' })
}

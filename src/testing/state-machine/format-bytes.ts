/** Formats two encoded values that differ: whole if they are short, otherwise the place of their first difference. */
import { deserialize } from 'node:v8'
import { firstDifference, formatDifference, formatValue } from './first-difference.ts'

const SHOWN_MAX = 60
/** The number of bytes shown before the first byte that differs. */
const BYTES_BEFORE = 8
const BYTES_SHOWN = 24

/**
 * Formats two values that differ. If one is too long to be shown whole, both show their first difference: of what `decode` returns, or of
 * JSON, its path and the two values there; of other text and bytes what is around it, and its offset.
 */
export function formatBoth(
  one: Uint8Array,
  other: Uint8Array,
  decode?: (bytes: Uint8Array) => unknown,
): readonly [string, string] {
  const [value, otherValue] = [decodedBy(decode, one), decodedBy(decode, other)]
  const [whole, otherWhole] = [formatWhole(one, value), formatWhole(other, otherValue)]
  if (whole !== undefined && otherWhole !== undefined && whole !== otherWhole) return [whole, otherWhole]
  const difference = value && otherValue && firstDifference(value.decoded, otherValue.decoded, 'exact')
  if (difference !== undefined) {
    const [place, otherPlace] = formatDifference(difference)
    return [`… ${place} … (${one.length} bytes)`, `… ${otherPlace} … (${other.length} bytes)`]
  }
  if (isOfV8(one) && isOfV8(other) && value !== undefined && otherValue !== undefined)
    return [whole ?? `(${one.length} bytes)`, V8_NOTE]
  const at = one.findIndex((byte, offset) => byte !== other[offset])
  const offset = at < 0 ? one.length : at
  return [around(one, offset), around(other, offset)]
}

/** What `decode` returns or JSON, otherwise text or hexadecimal. */
export function formatBytes(bytes: Uint8Array, decode?: (bytes: Uint8Array) => unknown, breakLength?: number): string {
  const value = decodedBy(decode, bytes)
  if (value !== undefined) return formatValue(value.decoded, breakLength)
  return bytes.length === 0 ? '(no bytes)' : (textOf(bytes) ?? hexOf(bytes))
}

/** The value if it is short, as the text that its bytes are, or decoded, or as hexadecimal. */
function formatWhole(bytes: Uint8Array, value: Decoded | undefined): string | undefined {
  const text = textOf(bytes)
  const decoded = text === undefined && value !== undefined ? formatValue(value.decoded) : undefined
  const whole = bytes.length === 0 ? '(no bytes)' : (text ?? decoded ?? hexOf(bytes))
  return whole.length > SHOWN_MAX ? undefined : whole
}

/** The bytes around an offset. */
function around(bytes: Uint8Array, offset: number): string {
  const isText = textOf(bytes) !== undefined
  let [from, to] = [Math.max(0, offset - BYTES_BEFORE), Math.min(bytes.length, offset - BYTES_BEFORE + BYTES_SHOWN)]
  // Whole characters.
  while (isText && from > 0 && isContinuation(bytes[from])) from--
  while (isText && isContinuation(bytes[to])) to++
  const part = bytes.subarray(from, to)
  const shown = textOf(part) ?? hexOf(part)
  const [before, after] = [from > 0 ? '…' : '', to < bytes.length ? '…' : '']
  return `${before}${shown}${after} (first difference at byte ${offset} of ${bytes.length})`
}

/** The text that the bytes are, with escaped line ends; undefined if they are none. */
function textOf(bytes: Uint8Array): string | undefined {
  const text = Buffer.from(bytes).toString()
  if (!Buffer.from(text).equals(Buffer.from(bytes))) return undefined
  const escaped = text.replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t')
  return /\p{Cc}/u.test(escaped) ? undefined : escaped
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x80 && byte < 0xc0
}

function hexOf(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes).toString('hex')}`
}

/** Two values without a difference that a state machine sees. */
const V8_NOTE =
  'the same, which v8.serialize() encoded as other bytes, as it does with 1 if it was computed as a fraction: encode it as JSON or in a format of your own'

/** Whether the bytes begin as those of `v8.serialize` do. */
function isOfV8(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && (bytes[1] ?? 0) >= 13 && (bytes[1] ?? 0) <= 20
}

interface Decoded {
  readonly decoded: unknown
}

/** Undefined if the bytes cannot be decoded. */
function decodedBy(decode: ((bytes: Uint8Array) => unknown) | undefined, bytes: Uint8Array): Decoded | undefined {
  try {
    const decoded = decode?.(Uint8Array.from(bytes))
    const isDecoded = decode !== undefined && !ArrayBuffer.isView(decoded)
    if (!isDecoded && isOfV8(bytes)) return { decoded: deserialize(bytes) }
    return { decoded: isDecoded ? decoded : JSON.parse(Buffer.from(bytes).toString()) }
  } catch {
    return undefined
  }
}

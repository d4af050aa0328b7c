/** Finds differences between a value and the same value after encoding and decoding. */

/** The first difference, for example 'at .average, NaN is decoded as null'; undefined if there is none. */
export function firstDifference(before: unknown, after: unknown, path = ''): string | undefined {
  if (before === after || (Number.isNaN(before) && Number.isNaN(after))) return undefined
  const here = `${path === '' ? '' : `at ${path}, `}${kindOf(before)} is decoded as ${kindOf(after)}`
  if (typeof before !== 'object' || typeof after !== 'object' || before === null || after === null) return here
  if (ArrayBuffer.isView(before) && ArrayBuffer.isView(after))
    return Buffer.compare(bytesIn(before), bytesIn(after)) === 0 ? undefined : here
  if (tagOf(before) !== tagOf(after)) return here
  const [one, other] = [partsOf(before), partsOf(after)]
  for (const name of new Set([...one.keys(), ...other.keys()])) {
    const found = firstDifference(one.get(name), other.get(name), `${path}${name}`)
    if (found !== undefined) return found
  }
  return undefined
}

/** The parts of a value by name. A missing part equals undefined. */
function partsOf(value: object): Map<string, unknown> {
  if (value instanceof Date) return new Map([['.getTime()', value.getTime()]])
  if (value instanceof Map || value instanceof Set)
    return new Map([...value].flatMap((part, offset) => [[`[${offset}]`, part]] as const))
  const isList = Array.isArray(value)
  return new Map(Object.entries(value).map(([name, part]) => [isList ? `[${name}]` : `.${name}`, part]))
}

function kindOf(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value !== 'object' || value === null) return String(value)
  return Array.isArray(value) ? 'an array' : `an object (${tagOf(value)})`
}

function tagOf(value: object): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1)
}

function bytesIn(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
}

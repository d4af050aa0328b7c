/** Compares, identifies and prints values of any type: by Node.js, or in JavaScript in a browser. */

function nodeModule<Module extends object>(name: `node:${string}`): Module | undefined {
  const { process } = globalThis as { readonly process?: Partial<NodeJS.Process> }
  return process?.getBuiltinModule?.(name) as Module | undefined
}

const util = nodeModule<typeof import('node:util')>('node:util')
const v8 = nodeModule<typeof import('node:v8')>('node:v8')

/** Whether two values have the same content: strictly, so that `1` differs from `'1'`, and `0` from `-0`. */
export const isDeepEqual: (one: unknown, other: unknown) => boolean = util?.isDeepStrictEqual ?? portableIsDeepEqual

/** A string that is equal for objects of equal content, with their fields in the same order, and differs for any others. */
export function objectText(value: object): string {
  return v8 === undefined ? portableText(value) : v8.serialize(value).toString('latin1')
}

/** A value as a programmer writes it, shortened. */
export function inspectBriefly(value: unknown): string {
  if (util === undefined) return portableInspect(value)
  return util.inspect(value, {
    depth: 4,
    breakLength: Number.POSITIVE_INFINITY,
    maxArrayLength: 8,
    maxStringLength: 40,
  })
}

type Fields = Readonly<Record<string, unknown>>

export function portableIsDeepEqual(one: unknown, other: unknown): boolean {
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null)
    return Object.is(one, other)
  if (one === other) return true
  if (Object.getPrototypeOf(one) !== Object.getPrototypeOf(other)) return false
  if (one instanceof Date || ArrayBuffer.isView(one) || one instanceof ArrayBuffer || one instanceof RegExp)
    return portableText(one) === portableText(other)
  if (one instanceof Map && other instanceof Map) return areMapsEqual(one, other)
  if (one instanceof Set && other instanceof Set)
    return (
      one.size === other.size &&
      [...one].every((item) => other.has(item) || [...other].some((its) => portableIsDeepEqual(item, its)))
    )
  const names = Object.keys(one)
  if (names.length !== Object.keys(other).length || (one as Fields).length !== (other as Fields).length) return false
  return names.every(
    (name) => Object.hasOwn(other, name) && portableIsDeepEqual((one as Fields)[name], (other as Fields)[name]),
  )
}

function areMapsEqual(one: ReadonlyMap<unknown, unknown>, other: ReadonlyMap<unknown, unknown>): boolean {
  if (one.size !== other.size) return false
  return [...one].every(([key, value]) =>
    other.has(key)
      ? portableIsDeepEqual(value, other.get(key))
      : [...other].some(([its, theirs]) => portableIsDeepEqual(key, its) && portableIsDeepEqual(value, theirs)),
  )
}

export function portableText(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (Object.is(value, -0)) return '-0'
  if (typeof value !== 'object' || value === null) return `${String(value)}${typeof value === 'bigint' ? 'n' : ''}`
  if (value instanceof Date) return `Date(${value.getTime()})`
  if (value instanceof RegExp) return `RegExp(${String(value)})`
  if (value instanceof ArrayBuffer) return `ArrayBuffer(${new Uint8Array(value).join()})`
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteOffset, byteLength } = value
    return `${value.constructor.name}(${new Uint8Array(buffer, byteOffset, byteLength).join()})`
  }
  if (value instanceof Set) return `Set(${[...value].map(portableText).join()})`
  if (value instanceof Map)
    return `Map(${[...value].map(([key, item]) => `${portableText(key)}:${portableText(item)}`).join()})`
  const fields = Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}:${portableText(item)}`)
  return Array.isArray(value) ? `[${value.length};${fields.join()}]` : `{${fields.join()}}`
}

const ITEMS_MAX = 8
const TEXT_MAX = 40
const DEPTH_MAX = 4

export function portableInspect(value: unknown, depth: number = 0): string {
  if (typeof value === 'string') {
    const more = value.length - TEXT_MAX
    return more > 0 ? `'${value.slice(0, TEXT_MAX)}'... ${more} more character${more === 1 ? '' : 's'}` : `'${value}'`
  }
  if (Object.is(value, -0)) return '-0'
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value !== 'object' || value === null) return String(value)
  if (depth > DEPTH_MAX) return Array.isArray(value) ? '[Array]' : '[Object]'
  if (value instanceof Date) return value.toISOString()
  const text = (item: unknown): string => portableInspect(item, depth + 1)
  if (value instanceof Map)
    return `Map(${value.size}) {${list([...value].map(([key, item]) => `${text(key)} => ${text(item)}`))}}`
  if (value instanceof Set) return `Set(${value.size}) {${list([...value].map(text))}}`
  if (Array.isArray(value)) return `[${list(value.map(text))}]`
  if (ArrayBuffer.isView(value)) {
    const items = [...(value as Uint8Array)]
    return `${value.constructor.name}(${items.length}) [${list(items.map(text))}]`
  }
  const fields = Object.entries(value).map(
    ([name, item]) => `${/^[\w$]+$/.test(name) ? name : `'${name}'`}: ${text(item)}`,
  )
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`
}

function list(items: readonly string[]): string {
  if (items.length === 0) return ''
  const more = items.length - ITEMS_MAX
  const shown = more > 0 ? [...items.slice(0, ITEMS_MAX), `... ${more} more item${more === 1 ? '' : 's'}`] : items
  return ` ${shown.join(', ')} `
}

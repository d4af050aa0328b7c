/** Finds where two values differ first, and formats values as a user writes them. */
import { inspect, types } from 'node:util'

/** What lies deeper is compared and shown as a whole. */
const DEPTH_MAX = 50
/** The depth at which `inspect` shows `[Object]`. */
const SHOWN_DEPTH = 4
const SHOWN_MAX = 80
/** The number of characters shown before the first one that differs. */
const SHOWN_BEFORE = 20

/** The first place at which two values differ: what each has there, or the keys that are there in another order. */
export type Difference = {
  /** For example `jobs[1].owner`; empty if the whole values differ. */
  readonly path: string
} & (
  | { readonly type: 'values'; readonly values: readonly [unknown, unknown] }
  /** Only the value at the offset `has` has this part. */
  | { readonly type: 'missing'; readonly has: 0 | 1; readonly value: unknown }
  | { readonly type: 'order'; readonly position: number; readonly keys: readonly [string, string] }
)

/**
 * `exact` compares as two states: the order of keys counts, and so does the sign of zero. `decoded` compares a value with what a codec made of
 * it: neither counts, and a missing field is one that is undefined.
 */
export type Comparison = 'exact' | 'decoded'

/** The same place of two values, described with what each has there. */
export type TwoPlaces = readonly [string, string]

/**
 * Formats a value for a message, in one line unless `breakLength` allows others. An object without a prototype, which fast-check generates,
 * is shown like any other.
 */
export function formatValue(value: unknown, breakLength: number = Number.POSITIVE_INFINITY): string {
  return inspect(withPrototypes(value), { depth: SHOWN_DEPTH, breakLength })
}

/** Undefined if the values do not differ, or in nothing that can be shown. */
export function firstDifference(
  one: unknown,
  other: unknown,
  comparison: Comparison,
  path = '',
  depth = 0,
): Difference | undefined {
  if (Object.is(one, other) || (comparison === 'decoded' && one === other)) return undefined
  const [parts, others] = [partsOf(one), partsOf(other)]
  if (parts === undefined || others === undefined || depth > DEPTH_MAX || tagOf(one) !== tagOf(other))
    return areAlike(one, other) ? undefined : { type: 'values', path, values: [one, other] }
  const innerPath = (key: unknown): string => join(path, parts.label(key))
  for (const [key, value] of parts.of) {
    const isMissing = !others.of.has(key)
    if (isMissing && comparison === 'exact') return { type: 'missing', path: innerPath(key), has: 0, value }
    const counterpart = others.of.get(key)
    if (Object.is(value, counterpart)) continue
    const found = firstDifference(value, counterpart, comparison, innerPath(key), depth + 1)
    if (found !== undefined) return found
  }
  for (const [key, value] of others.of) {
    if (parts.of.has(key)) continue
    if (comparison === 'exact') return { type: 'missing', path: innerPath(key), has: 1, value }
    if (value !== undefined) return { type: 'values', path: innerPath(key), values: [undefined, value] }
  }
  return comparison === 'exact' ? differenceOfOrder(parts, others, path) : undefined
}

/** The path and the two values there: `jobs.a.owner: 'n1'`. */
export function formatDifference(difference: Difference): TwoPlaces {
  const { path } = difference
  if (difference.type === 'order') {
    const place = path === '' ? '' : ` of ${path}`
    const [one, other] = difference.keys
    return [`key ${difference.position}${place} is ${one}`, `key ${difference.position}${place} is ${other}`]
  }
  if (difference.type === 'missing') {
    const [present, missing] = [`${path}: ${cutText(formatLeaf(difference.value))}`, `no ${path}`]
    return difference.has === 0 ? [present, missing] : [missing, present]
  }
  const [text = '', otherText = ''] = difference.values.map(formatLeaf)
  const at = [...text].findIndex((_, offset) => text[offset] !== otherText[offset])
  const from = text.length > SHOWN_MAX || otherText.length > SHOWN_MAX ? Math.max(0, at - SHOWN_BEFORE) : 0
  const place = path === '' ? '' : `${path}: `
  const shown = (all: string): string => `${place}${from > 0 ? '…' : ''}${cutText(all.slice(from))}`
  return [shown(text), shown(otherText)]
}

/** The parts of a value in their order, and how a path names each. */
interface Parts {
  readonly of: ReadonlyMap<unknown, unknown>
  label(key: unknown): string
}

function differenceOfOrder(one: Parts, other: Parts, path: string): Difference | undefined {
  const others = [...other.of.keys()]
  const at = [...one.of.keys()].findIndex((key, offset) => key !== others[offset])
  if (at < 0) return undefined
  const keyOf = ({ of, label }: Parts): string => label([...of.keys()][at]).replace(/^\./, '')
  return { type: 'order', path, position: at + 1, keys: [keyOf(one), keyOf(other)] }
}

/** Undefined if a value has no parts that can be compared. */
function partsOf(value: unknown): Parts | undefined {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return undefined
  if (Array.isArray(value)) return { of: new Map(value.entries()), label: elementLabel }
  if (types.isSet(value)) return { of: new Map([...value].entries()), label: elementLabel }
  // Keys that are objects are the same if they look the same.
  if (types.isMap(value))
    return { of: new Map([...value].map(([key, part]) => [formatValue(key), part])), label: (key) => `.get(${key})` }
  if (types.isDate(value) || types.isBoxedPrimitive(value) || types.isRegExp(value)) return undefined
  return { of: new Map(Object.entries(value)), label: fieldLabel }
}

function elementLabel(offset: unknown): string {
  return `[${offset}]`
}

function fieldLabel(key: unknown): string {
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(String(key)) ? `.${key}` : `[${inspect(key)}]`
}

function join(path: string, label: string): string {
  return path === '' && label.startsWith('.') ? label.slice(1) : `${path}${label}`
}
function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value)
}

/** Whether two objects or functions that have no parts, or are too deep, look the same. */
function areAlike(one: unknown, other: unknown): boolean {
  return Object(one) === one && Object(other) === other && formatLeaf(one) === formatLeaf(other)
}

function formatLeaf(value: unknown): string {
  // The whole text: two long ones may differ at their ends.
  if (typeof value === 'string') return inspect(value, { maxStringLength: null, breakLength: Number.POSITIVE_INFINITY })
  if (!ArrayBuffer.isView(value)) return formatValue(value)
  return `0x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}`
}

function cutText(text: string): string {
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text
}

/** A copy in which objects without a prototype have the usual one. */
function withPrototypes(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null || depth > SHOWN_DEPTH + 1) return value
  const inner = (part: unknown): unknown => withPrototypes(part, depth + 1)
  if (Array.isArray(value)) return value.map(inner)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Map.prototype)
    return new Map([...(value as Map<unknown, unknown>)].map(([key, part]) => [inner(key), inner(part)]))
  if (prototype === Set.prototype) return new Set([...(value as Set<unknown>)].map(inner))
  if (prototype !== null && prototype !== Object.prototype) return value
  const copy = {}
  for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(value))) {
    const copied = 'value' in descriptor ? { ...descriptor, value: inner(descriptor.value) } : descriptor
    Object.defineProperty(copy, name, copied)
  }
  return copy
}

/** Finds where two values differ first, and formats values as a user writes them. */
import { inspect, types } from 'node:util'

/** What lies deeper is compared and shown as a whole. */
const DEPTH_MAX = 50
/** The depth at which `inspect` shows `[Object]`. */
const SHOWN_DEPTH = 4
const SHOWN_MAX = 80
/** The number of characters shown before the first one that differs. */
const SHOWN_BEFORE = 20

/** The same place of two values, described with what each has there. */
export type TwoPlaces = readonly [string, string]

/**
 * Formats a value for a message, in one line unless `breakLength` allows others. An object without a prototype, which fast-check generates,
 * is shown like any other.
 */
export function formatValue(value: unknown, breakLength: number = Number.POSITIVE_INFINITY): string {
  return inspect(withPrototypes(value), { depth: SHOWN_DEPTH, breakLength })
}

/** The path of the first difference, with what each value has there: `jobs.a.owner: 'n1'`. Undefined if none is found. */
export function differenceOf(one: unknown, other: unknown, path = '', depth = 0): TwoPlaces | undefined {
  if (Object.is(one, other)) return undefined
  const [parts, others] = [partsOf(one), partsOf(other)]
  if (parts === undefined || others === undefined || depth > DEPTH_MAX || tagOf(one) !== tagOf(other))
    return differenceOfLeaves(one, other, path)
  for (const label of new Set([...parts.keys(), ...others.keys()])) {
    const inner = path === '' && label.startsWith('.') ? label.slice(1) : `${path}${label}`
    if (!parts.has(label) || !others.has(label))
      return [parts, others].map((all) => (all.has(label) ? cut(inner, all.get(label)) : `no ${inner}`)) as [
        string,
        string,
      ]
    const found = differenceOf(parts.get(label), others.get(label), inner, depth + 1)
    if (found !== undefined) return found
  }
  return differenceOfOrder([...parts.keys()], [...others.keys()], path)
}

function differenceOfLeaves(one: unknown, other: unknown, path: string): TwoPlaces | undefined {
  const [text, otherText] = [formatLeaf(one), formatLeaf(other)]
  if (text === otherText) return undefined
  const at = [...text].findIndex((_, offset) => text[offset] !== otherText[offset])
  const from = text.length > SHOWN_MAX || otherText.length > SHOWN_MAX ? Math.max(0, at - SHOWN_BEFORE) : 0
  const place = path === '' ? '' : `${path}: `
  return [text, otherText].map((all) => `${place}${from > 0 ? '…' : ''}${cutText(all.slice(from))}`) as [string, string]
}

function differenceOfOrder(one: readonly string[], other: readonly string[], path: string): TwoPlaces | undefined {
  const at = one.findIndex((label, offset) => label !== other[offset])
  if (at < 0) return undefined
  const place = path === '' ? '' : ` of ${path}`
  const name = (label: string | undefined): string => (label ?? '').replace(/^\./, '')
  return [one, other].map((all) => `key ${at + 1}${place} is ${name(all[at])}`) as [string, string]
}

/** The parts of a value in their order, by their place in it. Undefined if it has none that can be compared. */
function partsOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return undefined
  if (Array.isArray(value) || types.isSet(value))
    return new Map([...(value as Iterable<unknown>)].map((part, offset) => [`[${offset}]`, part] as const))
  if (types.isMap(value)) return new Map([...value].map(([key, part]) => [`.get(${formatValue(key)})`, part] as const))
  if (types.isDate(value) || types.isBoxedPrimitive(value) || types.isRegExp(value)) return undefined
  return new Map(Object.entries(value).map(([key, part]) => [labelOf(key), part] as const))
}

function labelOf(key: string): string {
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? `.${key}` : `[${inspect(key)}]`
}

function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value)
}

function formatLeaf(value: unknown): string {
  if (!ArrayBuffer.isView(value)) return formatValue(value)
  return `0x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}`
}

function cut(path: string, value: unknown): string {
  return `${path}: ${cutText(formatLeaf(value))}`
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

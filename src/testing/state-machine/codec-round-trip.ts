/** States what a codec changes in a value that it encodes and decodes. */
import { firstDifference } from './first-difference.ts'

/** For example 'at average, NaN is decoded as null'; undefined if the codec changes nothing. */
export function describeChange(before: unknown, after: unknown): string | undefined {
  const difference = firstDifference(before, after, 'decoded')
  if (difference?.type !== 'values') return undefined
  const { path, values } = difference
  return `${path === '' ? '' : `at ${path}, `}${values.map(kindOf).join(' is decoded as ')}`
}

function kindOf(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value !== 'object' || value === null) return String(value)
  return Array.isArray(value) ? 'an array' : `an object (${Object.prototype.toString.call(value).slice(8, -1)})`
}

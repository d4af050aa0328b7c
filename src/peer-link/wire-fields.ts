/** Reads and checks single fields of a decoded message; throws ERR_RAFT_BAD_MESSAGE with the name of the field. */
import { RaftError } from '../errors.ts'

export type Fields = Readonly<Record<string, unknown>>

export function badMessage(what: string, cause?: unknown): RaftError {
  return new RaftError('ERR_RAFT_BAD_MESSAGE', `malformed message: ${what}`, { cause })
}

/** A safe integer of at least `min`. proto-loader's `longs: Number` makes values above 2^53 unsafe, so they are detected here. */
export function readInteger(fields: Fields, name: string, min = 0): number {
  const value = fields[name]
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min) return value
  throw badMessage(`${name} is ${shownValue(value)}, not an integer from ${min} to 2^53 - 1`)
}

export function readBoolean(fields: Fields, name: string): boolean {
  const value = fields[name]
  if (typeof value === 'boolean') return value
  throw badMessage(`${name} is not a boolean`)
}

/** Text that matches the pattern. The text may end up in logs and file names, so everything else is refused. */
export function readText(fields: Fields, name: string, pattern: RegExp): string {
  const value = fields[name]
  if (typeof value === 'string' && pattern.test(value)) return value
  throw badMessage(
    `${name} is ${typeof value === 'string' ? `invalid: '${toPrintable(value.slice(0, 80))}'` : 'not text'}`,
  )
}

export function readObject(fields: Fields, name: string): Fields {
  const value = fields[name]
  if (typeof value === 'object' && value !== null) return value as Fields
  throw badMessage(`${name} is missing`)
}

export function readList(fields: Fields, name: string): readonly unknown[] {
  const value = fields[name]
  if (Array.isArray(value)) return value
  throw badMessage(`${name} is not a list`)
}

/** A value of any type for an error message: its type unless it is short. */
export function shownValue(value: unknown): string {
  if (typeof value === 'string') return `'${toPrintable(value.slice(0, 80))}'`
  return typeof value === 'object' || typeof value === 'function' ? `of type ${typeof value}` : String(value)
}

/** Text from a peer with unprintable characters replaced, for logs and error messages. */
export function toPrintable(value: string): string {
  return value.replace(/[^\x20-\x7e\u00a0-\ud7ff]/g, '?')
}

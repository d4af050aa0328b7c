/** Groups commands and results into kinds, such as the value of the field `type`, so that they can be counted. */

/** Fields that usually say what a value is. */
const NAMES = ['type', 'kind', 'op', 'operation', 'action', 'command', 'method', 'name']
const OUTCOMES = ['type', 'kind', 'status', 'outcome', 'error', 'code', 'reason', 'ok']

/** A text that looks like a name, and not like data. */
const NAME = /^[A-Za-z][A-Za-z_ -]{0,29}$/

/** What a command does. */
export function kindOfCommand(command: unknown): string {
  if (Array.isArray(command)) return isName(command[0]) ? command[0] : 'a list'
  if (!isObject(command)) return kindOfSimple(command)
  const name = NAMES.map((each) => command[each]).find(isName)
  return name ?? shape(command, () => undefined)
}

/** What a result says. */
export function kindOfResult(result: unknown): string {
  if (Array.isArray(result)) return result.length === 0 ? '[]' : 'a list'
  if (!isObject(result)) return kindOfSimple(result)
  return shape(result, (name, value) =>
    value === null || typeof value === 'boolean' || (OUTCOMES.includes(name) && isName(value))
      ? String(value)
      : undefined,
  )
}

function kindOfSimple(value: unknown): string {
  if (isName(value)) return value
  if (value === null || value === undefined || typeof value === 'boolean') return String(value)
  if (!isObject(value)) return `a ${typeof value}`
  return ArrayBuffer.isView(value) ? 'bytes' : shape(value, () => undefined)
}

function shape(value: object, shownValue: (name: string, value: unknown) => string | undefined): string {
  if (ArrayBuffer.isView(value)) return 'bytes'
  if (value instanceof Map || value instanceof Set) return `a ${value.constructor.name}`
  const fields = Object.entries(value).map(([name, part]) => {
    const shown = shownValue(name, part)
    return shown === undefined ? name : `${name}: ${shown}`
  })
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && NAME.test(value)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

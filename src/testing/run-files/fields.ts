/** Formats and parses the fields of a call or fault, `node=leader isHard forMs=300`. Values are any data that JSON can represent. */
import { LEADER } from '../simulation/workload.ts'

/** Fields that hold node numbers: LEADER is written as the word `leader`. */
const NODE_FIELDS: ReadonlySet<string> = new Set([
  ...['node', 'from', 'to', 'a', 'b', 'side', 'nodes'],
  ...['add', 'promote', 'demote', 'remove'],
])

const NAME = /^[A-Za-z][\w-]*$/
/** Words with a meaning of their own: a string with the same letters keeps its quotes. */
const RESERVED: ReadonlySet<string> = new Set(['true', 'false', 'null', 'leader'])
const QUOTED = /"(?:[^"\\]|\\.)*"/g
const WORD = /(?:"(?:[^"\\]|\\.)*"|\S)+/g
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|[A-Za-z][\w-]*/g

/** For example `node=leader isHard forMs=300`: a name alone means true, and quotes are omitted where the value stays unambiguous. */
export function formatFields(fields: object): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => (value === true ? name : `${name}=${formatValue(name, value)}`))
    .join(' ')
}

/** Splits a line into words at spaces outside of quotes; a word that starts with `#` begins a comment. */
export function splitWords(line: string): string[] {
  const words = line.match(WORD) ?? []
  const comment = words.findIndex((word) => word.startsWith('#'))
  return comment < 0 ? words : words.slice(0, comment)
}

/** Throws an Error that names the invalid word. */
export function parseFields(words: readonly string[]): Record<string, unknown> {
  const fields: Record<string, unknown> = {}
  for (const word of words) {
    const equals = word.indexOf('=')
    const name = equals < 0 ? word : word.slice(0, equals)
    if (!NAME.test(name)) throw new Error(`'${word}' is neither a name nor name=value`)
    if (Object.hasOwn(fields, name)) throw new Error(`duplicate field '${name}'`)
    fields[name] = equals < 0 ? true : parseValue(word.slice(equals + 1), word)
  }
  return fields
}

function formatValue(name: string, value: unknown): string {
  const json = JSON.stringify(value) ?? 'null'
  const bare = json.replace(QUOTED, (quoted) => {
    const text = quoted.slice(1, -1)
    return NAME.test(text) && !RESERVED.has(text) ? text : quoted
  })
  return NODE_FIELDS.has(name) ? bare.replace(new RegExp(`${LEADER}(?=[,\\]]|$)`, 'g'), 'leader') : bare
}

function parseValue(text: string, word: string): unknown {
  const json = text.replace(TOKEN, (token) => {
    if (token === 'leader') return String(LEADER)
    return NAME.test(token) && !RESERVED.has(token) ? `"${token}"` : token
  })
  try {
    return JSON.parse(json)
  } catch {
    throw new Error(`'${word}' has an invalid value; a value is a number, a word, "a text", [a,list] or {a:1,b:2}`)
  }
}

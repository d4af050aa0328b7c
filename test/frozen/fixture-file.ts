/** The text files that keep the bytes of a release, and what the release read from them. */
import { gunzipSync, gzipSync } from 'node:zlib'

/** One stored file, frame or message of a release. */
export interface FrozenEntry {
  readonly name: string
  /** What the release read from the bytes, as plain JSON. */
  readonly content: unknown
  readonly bytes: Buffer
}

/** One format: how this revision writes samples of it, and how it reads bytes. */
export interface FrozenFormat {
  /** The name of the file with the entries, without its extension. */
  readonly name: string
  /** One sample for each kind of message, or file, as this revision writes it. */
  samples(): Promise<readonly Sample[]> | readonly Sample[]
  /** What this revision reads from the bytes. */
  read(bytes: Buffer, name: string): unknown
  /** The bytes that this revision writes for what it has read. */
  rewrite(bytes: Buffer, name: string): Promise<Uint8Array> | Uint8Array
  /** Whether bytes that differ have only more fields, which a reader of the release ignores. By default no bytes may differ. */
  isExtension?(rewritten: Buffer, bytes: Buffer): boolean
}

export interface Sample {
  readonly name: string
  readonly bytes: Uint8Array
}

const LINE_LENGTH = 120
/** Longer bytes are compressed. */
const HEX_BYTES_MAX = 2048

/** A value as plain JSON: bytes as hexadecimal text, maps as arrays. Fields without a value are left out. */
export function plain(value: unknown): unknown {
  const text = JSON.stringify(value, function (this: Readonly<Record<string, unknown>>, key: string, given: unknown) {
    const original = this[key]
    if (original instanceof Uint8Array) return { $hex: Buffer.from(original).toString('hex') }
    return original instanceof Map ? { $map: [...original] } : given
  })
  return text === undefined ? undefined : JSON.parse(text)
}

/** `value` without the fields that the release did not know: a later one may read more. */
export function knownFields(value: unknown, known: unknown): unknown {
  if (Array.isArray(value))
    return value.map((each, at) => knownFields(each, Array.isArray(known) ? known[at] : undefined))
  if (typeof value !== 'object' || value === null || typeof known !== 'object' || known === null) return value
  const fields = Object.entries(value).filter(([name]) => Object.hasOwn(known, name))
  return Object.fromEntries(
    fields.map(([name, field]) => [name, knownFields(field, known[name as keyof typeof known])]),
  )
}

/** `title` says what the file contains. */
export function formatFixture(title: string, entries: readonly FrozenEntry[]): string {
  const lines = [`# ${title}`]
  for (const { name, content, bytes } of entries)
    lines.push('', `= ${name}`, JSON.stringify(content), ...encodeBytes(bytes))
  return `${lines.join('\n')}\n`
}

export function parseFixture(text: string): FrozenEntry[] {
  const [, ...parts] = text.split('\n= ')
  return parts.map((part) => {
    const [name = '', content = '', ...lines] = part.trimEnd().split('\n')
    return { name, content: JSON.parse(content), bytes: decodeBytes(lines) }
  })
}

/** Text stays readable; of short bytes each can be seen in a difference. */
function encodeBytes(bytes: Buffer): string[] {
  const text = bytes.toString('latin1')
  if (/^[\n\x20-\x7e]+\n$/.test(text) && bytes.length <= 4 * HEX_BYTES_MAX)
    return [
      'text',
      ...text
        .trimEnd()
        .split('\n')
        .map((line) => `|${line}`),
    ]
  if (bytes.length <= HEX_BYTES_MAX) return ['hex', ...linesOf(bytes.toString('hex'))]
  return ['gzip base64', ...linesOf(gzipSync(bytes, { level: 9 }).toString('base64'))]
}

function decodeBytes([encoding, ...lines]: readonly string[]): Buffer {
  if (encoding === 'text') return Buffer.from(lines.map((line) => `${line.slice(1)}\n`).join(''), 'latin1')
  if (encoding === 'hex') return Buffer.from(lines.join(''), 'hex')
  if (encoding === 'gzip base64') return gunzipSync(Buffer.from(lines.join(''), 'base64'))
  throw new Error(`unknown encoding '${encoding}'`)
}

function linesOf(text: string): string[] {
  return text.match(new RegExp(`.{1,${LINE_LENGTH}}`, 'g')) ?? []
}

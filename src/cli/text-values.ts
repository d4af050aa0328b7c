/** Parses command-line values: addresses, peers, durations, counts, port ranges and replay positions. */

/** Invalid text. The message continues a sentence that begins with the name of the flag. */
export class TextValueError extends Error {}

const PORT_MAX = 65_535

/** Checks 'HOST:PORT' and returns it unchanged. */
export function parseAddress(text: string): string {
  const colon = text.lastIndexOf(':')
  const host = text.slice(0, colon)
  const port = text.slice(colon + 1)
  if (colon < 1 || host === '') throw new TextValueError(`'${text}' is not HOST:PORT, such as 127.0.0.1:7001`)
  if (!/^\d+$/.test(port) || Number(port) > PORT_MAX)
    throw new TextValueError(`'${text}' has no port between 0 and ${PORT_MAX} after the colon`)
  if (host.includes(':') && !/^\[.*\]$/.test(host))
    throw new TextValueError(`'${text}' is ambiguous: put an IPv6 address in brackets, such as [::1]:7001`)
  return text
}

/** 'a:1,b:2' */
export function parseAddresses(text: string): string[] {
  const addresses = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(parseAddress)
  if (addresses.length === 0) throw new TextValueError(`'${text}' lists no address, such as 127.0.0.1:7001`)
  return [...new Set(addresses)]
}

/** 'n1,n2' */
export function parseIds(text: string): string[] {
  const ids = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
  if (ids.length === 0) throw new TextValueError(`'${text}' lists no member, such as n1`)
  return [...new Set(ids)]
}

/** 'n1=a:1,n2=b:2' */
export function parsePeers(text: string): Record<string, string> {
  const peers: Record<string, string> = {}
  for (const part of text.split(',').filter((each) => each.trim() !== '')) {
    const equals = part.indexOf('=')
    if (equals < 1) throw new TextValueError(`'${part}' is not ID=HOST:PORT, such as n1=127.0.0.1:7001`)
    const id = part.slice(0, equals).trim()
    if (Object.hasOwn(peers, id)) throw new TextValueError(`'${text}' lists ${id} twice`)
    peers[id] = parseAddress(part.slice(equals + 1).trim())
  }
  if (Object.keys(peers).length === 0) throw new TextValueError(`'${text}' lists no member, such as n1=127.0.0.1:7001`)
  return peers
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** '750ms', '5s', '2m', '1h', or milliseconds without a unit. */
export function parseDuration(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text.trim()) ?? []
  if (number === undefined) throw new TextValueError(`'${text}' is not a duration, such as 750ms, 5s or 2m`)
  return Math.round(Number(number) * (UNITS[unit ?? 'ms'] as number))
}

const BYTE_UNITS: Readonly<Record<string, number>> = { '': 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 }

/** '64MiB', or bytes without a unit. */
export function parseBytes(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(KiB|MiB|GiB|)$/.exec(text.trim()) ?? []
  if (number === undefined) throw new TextValueError(`'${text}' is not a number of bytes, such as 64MiB`)
  return Math.round(Number(number) * (BYTE_UNITS[unit ?? ''] as number))
}

/** 'name=text'; several of them make one object. */
export function parseMetadata(parts: readonly string[]): Record<string, string> {
  const metadata: Record<string, string> = {}
  for (const part of parts) {
    const equals = part.indexOf('=')
    if (equals < 1) throw new TextValueError(`'${part}' is not NAME=TEXT, such as http=https://n1.example`)
    const name = part.slice(0, equals)
    if (Object.hasOwn(metadata, name)) throw new TextValueError(`names ${name} twice`)
    metadata[name] = part.slice(equals + 1)
  }
  return metadata
}

/** A position in a run: after an event, or at a simulated time. */
export type ReplayPosition = { readonly event: number } | { readonly ms: number }

/** '1234' is an event, '1234ms' or '1.2s' a time. */
export function parseReplayPosition(text: string): ReplayPosition {
  if (/^\d+$/.test(text)) return { event: parseCount(text, 1) }
  if (/^\d+(?:\.\d+)?(?:ms|s|m)$/.test(text)) return { ms: parseDuration(text) }
  throw new TextValueError(`'${text}' is neither an event number, such as 1234, nor a time, such as 1234ms`)
}

export interface DurationRange {
  readonly min: number
  readonly max: number
}

/** '750-1500ms', '1s-2s' */
export function parseDurationRange(text: string): DurationRange {
  const [first = '', last] = text.split('-')
  if (last === undefined) throw new TextValueError(`'${text}' is not a range of durations, such as 750-1500ms`)
  const unit = /[a-z]*$/.exec(last)?.[0] ?? ''
  return { min: parseDuration(/[a-z]$/.test(first) ? first : `${first}${unit}`), max: parseDuration(last) }
}

/** A whole number of at least `min`. */
export function parseCount(text: string, min: number): number {
  const count = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(count) || count < min)
    throw new TextValueError(`'${text}' is not a whole number of at least ${min}`)
  return count
}

export interface PortRange {
  readonly first: number
  readonly last: number
}

/** '7001-7003', or '7001' for `count` ports from there. */
export function parsePortRange(text: string, count: number): PortRange {
  const [, first, last] = /^(\d+)(?:-(\d+))?$/.exec(text.trim()) ?? []
  if (first === undefined) throw new TextValueError(`'${text}' is not a range of ports, such as 7001-7003`)
  const range = { first: Number(first), last: last === undefined ? Number(first) + count - 1 : Number(last) }
  if (range.first < 1 || range.last > PORT_MAX || range.last - range.first + 1 < count)
    throw new TextValueError(`'${text}' does not contain ${count} ports between 1 and ${PORT_MAX}`)
  return range
}

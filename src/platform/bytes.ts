/** Bytes and their texts, without `Buffer` where there is none: in a browser. */

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** Bytes with any contents, to be overwritten. In Node.js they are a Buffer, which costs less. */
export function allocateBytes(size: number): Uint8Array {
  return typeof Buffer === 'undefined' ? new Uint8Array(size) : Buffer.allocUnsafe(size)
}

export function concatBytes(chunks: readonly Uint8Array[]): Uint8Array {
  let size = 0
  for (const { length } of chunks) size += length
  const bytes = new Uint8Array(size)
  let position = 0
  for (const chunk of chunks) {
    bytes.set(chunk, position)
    position += chunk.length
  }
  return bytes
}

/** The bytes of a snapshot. Copies the chunks: their source may reuse them. */
export async function collectChunks(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(Uint8Array.from(chunk))
  return concatBytes(all)
}

export function utf8(text: string): Uint8Array {
  return encoder.encode(text)
}

export function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes)
}

/** Buffer's own conversion, which works on every Uint8Array: making a Buffer of one costs more than the conversion. */
const latin1Slice: ((this: Uint8Array) => string) | undefined =
  typeof Buffer === 'undefined' ? undefined : (Buffer.prototype as { latin1Slice?: () => string }).latin1Slice

/** One character per byte. */
export function latin1(bytes: Uint8Array): string {
  if (bytes.length === 0) return ''
  return latin1Slice === undefined ? portableLatin1(bytes) : latin1Slice.call(bytes)
}

/** The inverse of `latin1`: a new array. */
export function fromLatin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let offset = 0; offset < text.length; offset++) bytes[offset] = text.charCodeAt(offset)
  return bytes
}

export function portableLatin1(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}

export function toBase64(bytes: Uint8Array): string {
  return btoa(latin1(bytes))
}

export function fromBase64(text: string): Uint8Array {
  return fromLatin1(atob(text))
}

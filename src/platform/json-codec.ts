/** The two codecs ready-made: bytes as they are, and JSON. */
import type { Codec } from '../contracts/state-machine.ts'

/** Bytes as they are. */
export const bytesCodec: Codec<Uint8Array> = {
  encode: (value) => value,
  decode: (bytes) => bytes,
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

/** JSON text; `undefined` is encoded as no bytes at all. */
export function jsonCodec<Value>(): Codec<Value> {
  return {
    encode: (value) => (value === undefined ? new Uint8Array(0) : encoder.encode(JSON.stringify(value))),
    decode: (bytes) => (bytes.length === 0 ? (undefined as Value) : (JSON.parse(decoder.decode(bytes)) as Value)),
  }
}

/** Codecs for JSON and for plain bytes. */
import type { Codec } from '../contracts/state-machine.ts'

/** Returns bytes unchanged. */
export const bytesCodec: Codec<Uint8Array> = {
  encode: (value) => value,
  decode: (bytes) => bytes,
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

/** JSON in UTF-8. `undefined` is encoded as zero bytes. */
export function jsonCodec<Value>(): Codec<Value> {
  return {
    encode: (value) => (value === undefined ? new Uint8Array(0) : encoder.encode(JSON.stringify(value))),
    decode: (bytes) => (bytes.length === 0 ? (undefined as Value) : (JSON.parse(decoder.decode(bytes)) as Value)),
  }
}

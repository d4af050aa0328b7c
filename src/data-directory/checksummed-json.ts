/** Small records that detect damage: a checksum followed by JSON text, readable with `cat`. */
import { crc32 } from '../platform/checksums.ts'

const CHECKSUM_LENGTH = 8

/** Returns `checksum JSON`, padded with spaces to `length` bytes. The checksum covers the padding too. */
export function encodeChecksummedJson(value: unknown, length = 0): Buffer {
  const text = Buffer.from(` ${JSON.stringify(value)}`)
  const size = Math.max(length, CHECKSUM_LENGTH + text.length + 1)
  const bytes = Buffer.alloc(size, ' ')
  text.copy(bytes, CHECKSUM_LENGTH)
  bytes.write('\n', size - 1)
  bytes.write(checksumOf(bytes), 0, 'latin1')
  return bytes
}

/** Returns the value, or a description of the damage. */
export function decodeChecksummedJson<Value>(bytes: Buffer): { readonly value: Value } | { readonly damage: string } {
  if (bytes.length <= CHECKSUM_LENGTH) return { damage: `it has only ${bytes.length} bytes` }
  if (bytes.toString('latin1', 0, CHECKSUM_LENGTH) !== checksumOf(bytes))
    return { damage: 'its checksum does not match' }
  try {
    return { value: JSON.parse(bytes.toString('utf8', CHECKSUM_LENGTH)) as Value }
  } catch {
    return { damage: 'it is not JSON' }
  }
}

function checksumOf(bytes: Buffer): string {
  return crc32(bytes.subarray(CHECKSUM_LENGTH)).toString(16).padStart(CHECKSUM_LENGTH, '0')
}

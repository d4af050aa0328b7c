/** CRC-32 and SHA-256, by Node.js or, in a browser, in JavaScript: Web Crypto is asynchronous and has no CRC. */
import { nodeModule } from './node-modules.ts'

const nativeCrc32 = nodeModule<typeof import('node:zlib')>('node:zlib')?.crc32 ?? portableCrc32

/** The CRC-32 of bytes, or of text in UTF-8, as an unsigned integer. `value` is the CRC of what precedes it. */
export function crc32(data: string | Uint8Array, value: number = 0): number {
  // Of empty bytes that have no memory, that of Node.js is 0 whatever precedes them.
  return data.length === 0 ? value : nativeCrc32(data, value)
}

/** The SHA-256 of bytes, or of text in UTF-8, as 64 hexadecimal digits. */
export function sha256(data: string | Uint8Array): string {
  const crypto = nodeModule<typeof import('node:crypto')>('node:crypto')
  return crypto === undefined ? portableSha256(data) : crypto.createHash('sha256').update(data).digest('hex')
}

const encoder = new TextEncoder()
const bytesIn = (data: string | Uint8Array): Uint8Array => (typeof data === 'string' ? encoder.encode(data) : data)

/** The CRC of each byte. Made when first needed. */
let crcs: Uint32Array | undefined

function makeCrcs(): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
    return crc
  })
}

export function portableCrc32(data: string | Uint8Array, value: number = 0): number {
  crcs ??= makeCrcs()
  let crc = ~value
  for (const byte of bytesIn(data)) crc = (crc >>> 8) ^ (crcs[(crc ^ byte) & 255] as number)
  return ~crc >>> 0
}

const BLOCK_BYTES = 64

/** The first 32 bits of the fractional parts of a root of each of the first primes (FIPS 180-4). */
function primeFractions(count: number, root: number): Uint32Array {
  const primes: number[] = []
  for (let candidate = 2; primes.length < count; candidate++)
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate)
  return Uint32Array.from(primes, (prime) => (prime ** (1 / root) % 1) * 2 ** 32)
}

let constants: { readonly initial: Uint32Array; readonly rounds: Uint32Array } | undefined

export function portableSha256(data: string | Uint8Array): string {
  constants ??= { initial: primeFractions(8, 2), rounds: primeFractions(64, 3) }
  const bytes = bytesIn(data)
  const padded = new Uint8Array(Math.ceil((bytes.length + 9) / BLOCK_BYTES) * BLOCK_BYTES)
  padded.set(bytes)
  padded[bytes.length] = 0x80
  const view = new DataView(padded.buffer)
  view.setBigUint64(padded.length - 8, BigInt(bytes.length) * 8n)
  const hash = constants.initial.slice()
  for (let at = 0; at < padded.length; at += BLOCK_BYTES) addBlock(hash, view, at, constants.rounds)
  return [...hash].map((word) => word.toString(16).padStart(8, '0')).join('')
}

const words = new Uint32Array(64)
const rotate = (word: number, bits: number): number => (word >>> bits) | (word << (32 - bits))

function addBlock(hash: Uint32Array, view: DataView, at: number, rounds: Uint32Array): void {
  for (let t = 0; t < 16; t++) words[t] = view.getUint32(at + 4 * t)
  for (let t = 16; t < 64; t++) {
    const [two, fifteen] = [words[t - 2] as number, words[t - 15] as number]
    const sigma1 = rotate(two, 17) ^ rotate(two, 19) ^ (two >>> 10)
    const sigma0 = rotate(fifteen, 7) ^ rotate(fifteen, 18) ^ (fifteen >>> 3)
    words[t] = sigma1 + (words[t - 7] as number) + sigma0 + (words[t - 16] as number)
  }
  let [a, b, c, d, e, f, g, h] = hash as unknown as [number, number, number, number, number, number, number, number]
  for (let t = 0; t < 64; t++) {
    const sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
    const one = (h + sum1 + ((e & f) ^ (~e & g)) + (rounds[t] as number) + (words[t] as number)) | 0
    const sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
    const two = (sum0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
    ;[h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0]
  }
  for (const [offset, word] of [a, b, c, d, e, f, g, h].entries()) hash[offset] = (hash[offset] as number) + word
}

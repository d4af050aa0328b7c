/** Formats encoded values for messages. */

const SHOWN_MAX = 60

/** Formats bytes as text if they are printable, otherwise as hexadecimal. Long values are cut. */
export function formatBytes(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString()
  const isText = Buffer.from(text).equals(Buffer.from(bytes)) && !/\p{Cc}/u.test(text)
  const whole = bytes.length === 0 ? '(no bytes)' : isText ? text : `0x${Buffer.from(bytes).toString('hex')}`
  return whole.length > SHOWN_MAX ? `${whole.slice(0, SHOWN_MAX)}… (${bytes.length} bytes)` : whole
}

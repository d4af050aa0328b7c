/** Counts the fields of a protobuf message before decoding: a decoded empty field takes 100 times the memory of its 2 bytes. */

/** The fields, by number, whose contents are counted too. */
export interface NestedFields {
  readonly [field: number]: NestedFields
}

/** The number of length-delimited fields in bytes [from, to), including those inside the `nested` fields. */
export function countFields(bytes: Uint8Array, nested: NestedFields, from = 0, to: number = bytes.length): number {
  let count = 0
  let at = from
  while (at < to) {
    const tag = varint(bytes, at, to)
    const wireType = tag.value % 8
    if (wireType === 2) {
      const length = varint(bytes, tag.end, to)
      const end = length.end + length.value
      const inside = nested[Math.floor(tag.value / 8)]
      count += 1
      if (inside !== undefined) count += countFields(bytes, inside, length.end, Math.min(end, to))
      at = end
    } else if (wireType === 0) at = varint(bytes, tag.end, to).end
    else if (wireType === 1) at = tag.end + 8
    else if (wireType === 5) at = tag.end + 4
    else return count // Not a protobuf message: decoding will fail.
  }
  return count
}

function varint(bytes: Uint8Array, at: number, to: number): { readonly value: number; readonly end: number } {
  let value = 0
  let scale = 1
  while (at < to && scale < 2 ** 63) {
    const byte = bytes[at++] as number
    value += (byte & 0x7f) * scale
    if (byte < 0x80) break
    scale *= 128
  }
  return { value, end: at }
}

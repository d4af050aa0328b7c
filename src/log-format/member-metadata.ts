/** The metadata of a member: a few texts by name, such as an HTTP address, with bounded sizes. */
import type { MemberMetadata } from '../core/types.ts'

const ENTRIES_MAX = 8
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/
/** The names and the values together: they are part of every membership entry, and of leader hints in the headers of a response. */
const CHARS_MAX = 1024
const VALUE = /^[^\p{C}]*$/u

/** What is wrong with a value, as the end of a sentence about it; undefined for valid metadata. */
export function metadataProblem(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'must be an object of texts by name'
  const entries = Object.entries(value)
  if (entries.length > ENTRIES_MAX) return `must have at most ${ENTRIES_MAX} entries, not ${entries.length}`
  let chars = 0
  for (const [name, text] of entries) {
    if (!NAME.test(name))
      return `has the name '${name.slice(0, 40)}', which is not 1 to 32 letters, digits, '.', '_' or '-'`
    if (typeof text !== 'string' || !VALUE.test(text))
      return `has the value of ${name}, which is not a text of printable characters`
    chars += name.length + text.length
  }
  return chars > CHARS_MAX ? `must have at most ${CHARS_MAX} characters, not ${chars}` : undefined
}

/** A copy with sorted names, so that its text is the same on all nodes. */
export function sortedMetadata(metadata: MemberMetadata): MemberMetadata {
  return Object.fromEntries(Object.entries(metadata).sort(([one], [other]) => (one < other ? -1 : 1)))
}

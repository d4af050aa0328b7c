/** Texts in pages: escaped, without invisible control characters, and of bounded length. */

/** Control characters, and those that change the direction of text: they could hide or reorder what a page shows. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to remove.
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/** For text and for attribute values in double quotes. */
export function escapeText(text: string): string {
  return visible(text).replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`)
}

/** JSON for a script element, which ends at the first `</script`. */
export function escapeJson(value: unknown): string {
  const text = JSON.stringify(value, (_, part: unknown) => (typeof part === 'string' ? visible(part) : part))
  return text.replaceAll('<', '\\u003c')
}

function visible(text: string): string {
  return text.replace(CONTROL, '\ufffd')
}

export function shortened(text: string, lettersMax: number): string {
  return text.length <= lettersMax ? text : `${text.slice(0, Math.max(1, lettersMax - 1))}…`
}

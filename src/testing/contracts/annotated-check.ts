/** A check that fails tells the author of a storage or transport what was promised, what was seen, and where to look. */
import { AssertionError } from 'node:assert/strict'

export interface CheckAnnotation {
  /** One sentence: the group's name and the check's. */
  readonly requirement: string
  /** Where in what is tried the reason is likely to be. */
  readonly hint: string
}

export async function annotatedCheck(
  { requirement, hint }: CheckAnnotation,
  check: () => Promise<void>,
): Promise<void> {
  try {
    await check()
  } catch (cause) {
    const seen = cause instanceof Error ? cause.message : String(cause)
    const message = `promised: ${requirement}\nseen: ${seen}\nlook at: ${hint}`
    if (!(cause instanceof AssertionError)) throw new Error(message, { cause })
    const { actual, expected, operator } = cause
    throw Object.assign(new AssertionError({ message, actual, expected, operator }), { cause })
  }
}

/** Adds the requirement and a hint to the error of a failed check, for the author of a storage or transport. */
import { AssertionError } from 'node:assert/strict'

export interface CheckAnnotation {
  /** The requirement as a sentence: the name of the group and the title of the check. */
  readonly requirement: string
  /** The part of the implementation where the cause is likely to be. */
  readonly hint: string
}

export async function annotatedCheck(
  { requirement, hint }: CheckAnnotation,
  check: () => Promise<void>,
): Promise<void> {
  try {
    await check()
  } catch (cause) {
    const observed = cause instanceof Error ? cause.message : String(cause)
    const message = `required: ${requirement}\nobserved: ${observed}\nlook at: ${hint}`
    if (!(cause instanceof AssertionError)) throw new Error(message, { cause })
    const { actual, expected, operator } = cause
    throw Object.assign(new AssertionError({ message, actual, expected, operator }), { cause })
  }
}

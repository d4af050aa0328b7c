/** Adds the requirement, a hint and what happened to the error of a failed check, for the author of a storage or transport. */
import { AssertionError } from 'node:assert/strict'

export interface CheckAnnotation {
  /** The requirement as a sentence: the name of the group and the title of the check. */
  readonly requirement: string
  /** The part of the implementation where the cause is likely to be. */
  readonly hint: string
}

/** A check that fails may tell what happened in it. */
export async function annotatedCheck(
  { requirement, hint }: CheckAnnotation,
  check: (tell: (happened: string) => void) => Promise<void>,
): Promise<void> {
  let happened = ''
  try {
    await check((trace) => {
      happened = `\nwhat happened:\n  ${trace}`
    })
  } catch (cause) {
    const observed = cause instanceof Error ? cause.message : String(cause)
    const message = `required: ${requirement}\nobserved: ${observed}\nlook at: ${hint}${happened}`
    if (!(cause instanceof AssertionError)) throw new Error(message, { cause })
    const { actual, expected, operator } = cause
    throw Object.assign(new AssertionError({ message, actual, expected, operator }), { cause })
  }
}

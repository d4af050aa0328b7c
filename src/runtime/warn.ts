/** A warning about something of the user that is faulty, and that the node no longer uses. */

export function warn(text: string): void {
  if (typeof process === 'undefined') console.warn(text)
  else process.emitWarning(text)
}

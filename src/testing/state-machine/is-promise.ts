/** Recognizes a promise where a value was expected. */

/** Whether the value is a promise, or another object with a method `then`. If so, its rejection is handled. */
export function isPromise(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('then' in value) || typeof value.then !== 'function')
    return false
  // Its rejection is irrelevant: returning a promise is already a fault.
  void Promise.resolve(value).catch(() => {})
  return true
}

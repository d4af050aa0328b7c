/** One listener per AbortSignal, however many calls share it: a listener for each call makes Node.js warn about a leak. */

const subscriptions = new WeakMap<AbortSignal, { readonly callbacks: Set<() => void>; readonly listener: () => void }>()

/** Calls back once when the signal is aborted; call the returned function to stop listening. The signal must not be aborted yet. */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  const callbacks = subscriptions.get(signal)?.callbacks ?? subscribe(signal)
  // A new function for each call, so that the same callback can be registered twice.
  const call = (): void => callback()
  callbacks.add(call)
  return () => {
    if (callbacks.delete(call) && callbacks.size === 0) unsubscribe(signal)
  }
}

function subscribe(signal: AbortSignal): Set<() => void> {
  const callbacks = new Set<() => void>()
  const listener = (): void => {
    subscriptions.delete(signal)
    for (const callback of [...callbacks]) callback()
  }
  subscriptions.set(signal, { callbacks, listener })
  signal.addEventListener('abort', listener, { once: true })
  return callbacks
}

function unsubscribe(signal: AbortSignal): void {
  const entry = subscriptions.get(signal)
  if (entry === undefined) return
  subscriptions.delete(signal)
  signal.removeEventListener('abort', entry.listener)
}

/** Many calls may share one signal: this listens to it once for all, where a listener for each would make Node.js warn of a leak. */

const subscriptions = new WeakMap<AbortSignal, { readonly callbacks: Set<() => void>; readonly listener: () => void }>()

/** Calls back once when the signal, not aborted yet, is; the result is called to stop listening. */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  const callbacks = subscriptions.get(signal)?.callbacks ?? subscribe(signal)
  // A function of its own, so that the same callback may listen twice.
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

/** One ear per signal, however many calls share it: a signal with a listener for each would be taken for a leak. */

const ears = new WeakMap<AbortSignal, Set<() => void>>()

/** Calls back when the signal is aborted; call the answer to stop listening. */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  const callbacks = ears.get(signal) ?? listenTo(signal)
  callbacks.add(callback)
  return () => callbacks.delete(callback)
}

function listenTo(signal: AbortSignal): Set<() => void> {
  const callbacks = new Set<() => void>()
  ears.set(signal, callbacks)
  signal.addEventListener(
    'abort',
    () => {
      for (const callback of [...callbacks]) callback()
    },
    { once: true },
  )
  return callbacks
}

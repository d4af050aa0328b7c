/** Waiting for the event loop, in Node.js and in browsers. */

/** Runs a callback in a later turn of the event loop. A browser delays timers by some milliseconds, but not messages. */
export const defer: (callback: () => void) => void =
  typeof setImmediate === 'function' ? (callback) => void setImmediate(callback) : deferByMessage()

function deferByMessage(): (callback: () => void) => void {
  const { port1, port2 } = new MessageChannel()
  const callbacks: (() => void)[] = []
  const port = port1 as unknown as { onmessage: () => void }
  port.onmessage = () => callbacks.shift()?.()
  return (callback) => {
    callbacks.push(callback)
    port2.postMessage(undefined)
  }
}

/** Resolves in a later turn of the event loop. */
export function eventLoopTurn(): Promise<void> {
  return new Promise(defer)
}

/** Resolves once all promises that are ready have been processed: Node runs the next-tick queue when its microtask queue is empty. */
export function microtaskTurn(): Promise<void> {
  if (typeof process === 'undefined' || typeof process.nextTick !== 'function') return eventLoopTurn()
  return new Promise(atNextTick)
}

function atNextTick(resolve: () => void): void {
  process.nextTick(resolve)
}

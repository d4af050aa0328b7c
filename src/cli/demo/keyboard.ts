/** Reads single keys from the terminal. */

/** Ctrl-C and Ctrl-D arrive as characters, because the terminal is in raw mode. */
const QUIT_KEYS = new Set(['\u0003', '\u0004', 'q'])

/** Calls `onKey` for each key. Returns a function that restores the terminal. */
export function listenToKeys(onKey: (key: string) => void, onQuit: () => void): () => void {
  const { stdin } = process
  const onData = (data: Buffer): void => {
    for (const key of data.toString()) {
      if (QUIT_KEYS.has(key)) onQuit()
      else onKey(key.toLowerCase())
    }
  }
  stdin.setRawMode(true)
  stdin.resume()
  stdin.on('data', onData)
  return () => {
    stdin.off('data', onData)
    stdin.setRawMode(false)
    stdin.pause()
  }
}

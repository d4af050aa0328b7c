/** Single keys of a terminal, as they are pressed. */

/** Ctrl-C and Ctrl-D, which a terminal in raw mode hands over as characters. */
const QUIT_KEYS = new Set(['\u0003', '\u0004', 'q'])

/** Calls back for each key; returns how to let go of the terminal. */
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

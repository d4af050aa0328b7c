/** Reads single keys from the terminal. */

/** Ctrl-C and Ctrl-D arrive as characters, because the terminal is in raw mode. */
const QUIT_KEYS = new Set(['\u0003', '\u0004', 'q'])
/** What an arrow or a function key sends begins with it, and arrives together. */
const ESCAPE = '\u001b'

type KeySource = Pick<NodeJS.ReadStream, 'setRawMode' | 'resume' | 'pause' | 'on' | 'off'>

/** Calls `onKey` for each key that is a character. Returns a function that restores the terminal. */
export function listenToKeys(
  onKey: (key: string) => void,
  onQuit: () => void,
  stdin: KeySource = process.stdin,
): () => void {
  const onData = (data: Buffer): void => {
    const text = data.toString()
    if (text.startsWith(ESCAPE)) return
    for (const key of text) {
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

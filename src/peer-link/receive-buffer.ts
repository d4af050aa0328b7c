/** The memory into which a connection is read again and again, so that receiving allocates nothing. */

/** What one system call reads at most. */
const RECEIVE_BYTES = 128 * 1024

/** For one connection of `net.connect`, which takes `onread`. */
export class ReceiveBuffer {
  readonly #bytes: Buffer = Buffer.allocUnsafeSlow(RECEIVE_BYTES)
  #listener: ((bytes: Buffer) => void) | undefined
  /** How many bytes were received before there was a listener. */
  #waiting = 0

  /** The option of this name of `net.connect`. Until there is a listener, reading pauses after the first bytes. */
  readonly onread: { readonly buffer: Buffer; readonly callback: (count: number) => boolean } = {
    buffer: this.#bytes,
    callback: (count: number): boolean => {
      if (this.#listener === undefined) {
        this.#waiting = count
        return false
      }
      this.#listener(this.#bytes.subarray(0, count))
      return true
    },
  }

  /** Passes what is received, which is overwritten after `listener` returns. Resume the socket then: reading may have paused. */
  listen(listener: (bytes: Buffer) => void): void {
    this.#listener = listener
    const waiting = this.#waiting
    this.#waiting = 0
    if (waiting > 0) listener(this.#bytes.subarray(0, waiting))
  }
}

/** A link between two simulated nodes: at most one connection at a time, and the snapshot transfers that use it. */
import type { NodeId } from '../../core/types.ts'
import { RaftError } from '../../errors.ts'
import type { NodeClock } from './virtual-clock.ts'

/** An unordered pair of nodes that are connected or reconnecting. */
export class Link {
  readonly a: NodeId
  readonly b: NodeId
  readonly #transfers = new Set<(error: RaftError) => void>()
  #isConnected = false
  #session = 0

  constructor(a: NodeId, b: NodeId) {
    this.a = a
    this.b = b
  }

  get isConnected(): boolean {
    return this.#isConnected
  }

  /** The number of the current connection; messages of earlier ones are lost. */
  get session(): number {
    return this.#session
  }

  /** Whether this connection still exists. */
  isCurrent(session: number): boolean {
    return this.#isConnected && this.#session === session
  }

  connect(): void {
    this.#isConnected = true
    this.#session++
  }

  /** Ends the connection and fails every transfer on it. */
  disconnect(): void {
    this.#isConnected = false
    this.#session++
    for (const fail of this.#transfers) fail(unreachable(this.a, this.b))
  }

  /** Starts a transfer of snapshot bytes from `to` to `from`; it fails when the connection ends or the signal is aborted. */
  openTransfer(from: NodeId, to: NodeId, delay: Transfer['delay'], signal: AbortSignal): Transfer {
    let fail: (error: unknown) => void = () => {}
    const broken = new Promise<never>((_, reject) => {
      fail = reject
    })
    broken.catch(() => {})
    const onAbort = (): void => fail(signal.reason)
    this.#transfers.add(fail)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    if (!this.#isConnected) fail(unreachable(from, to))
    const close = (): void => {
      this.#transfers.delete(fail)
      signal.removeEventListener('abort', onAbort)
    }
    return { broken, fail, delay, close }
  }
}

export interface Transfer {
  /** Rejects when the connection breaks or the signal is aborted. */
  readonly broken: Promise<never>
  readonly fail: (error: unknown) => void
  /** Waits for the delay of one message; rejects if the link is cut. */
  readonly delay: (clock: NodeClock) => Promise<void>
  readonly close: () => void
}

export function unreachable(one: NodeId, other: NodeId): RaftError {
  return new RaftError('ERR_RAFT_UNREACHABLE', `the link between ${one} and ${other} is broken`, {
    hint: 'It reconnects automatically.',
  })
}

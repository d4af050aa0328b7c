/** What lies between two nodes of the false network: one connection at a time, and the snapshot transfers that live and die with it. */
import type { NodeId } from '../../core/types.ts'
import { RaftError } from '../../errors.ts'
import type { NodeClock } from './virtual-clock.ts'

/** An unordered pair of nodes: connected, or trying. */
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

  /** Names one connection; what belonged to an earlier one is gone. */
  get session(): number {
    return this.#session
  }

  /** Whether this very connection is still there. */
  isCurrent(session: number): boolean {
    return this.#isConnected && this.#session === session
  }

  connect(): void {
    this.#isConnected = true
    this.#session++
  }

  /** The connection is gone, and every transfer on it fails. */
  disconnect(): void {
    this.#isConnected = false
    this.#session++
    for (const fail of this.#transfers) fail(unreachable(this.a, this.b))
  }

  /** Begins a transfer of snapshot bytes to `to`: it breaks with the connection, or by the signal. */
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
    return { broken, fail, delay: delay, close }
  }
}

/** One transfer of snapshot bytes. */
export interface Transfer {
  /** Rejects when the connection breaks or the signal is aborted. */
  readonly broken: Promise<never>
  /** Breaks it. */
  readonly fail: (error: unknown) => void
  /** Waits as long as a message takes; rejects if it cannot pass. */
  readonly delay: (clock: NodeClock) => Promise<void>
  readonly close: () => void
}

export function unreachable(one: NodeId, other: NodeId): RaftError {
  return new RaftError('ERR_RAFT_UNREACHABLE', `the link between ${one} and ${other} is broken`, {
    hint: 'It is tried again by itself.',
  })
}

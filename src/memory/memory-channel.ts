/** A client's channel to a node in the same process. */
import type { ClientChannel, ClientChannelFactory } from '../contracts/client-channel.ts'
import type { Clock } from '../contracts/clock.ts'
import type {
  Applied,
  CallOptions,
  ChangeBatch,
  ChangesOptions,
  NodeService,
  NodeStatus,
  ProposeOptions,
  ReadOptions,
  SnapshotOptions,
} from '../contracts/node-service.ts'
import type { RegisteredSession } from '../contracts/session.ts'
import type { MembershipChange } from '../core/inputs.ts'
import type { LogIndex, NodeId, SnapshotInfo } from '../core/types.ts'
import { RaftError } from '../errors.ts'
import { onAbort } from '../platform/on-abort.ts'
import { systemClock } from '../platform/system-clock.ts'

/** The options of a channel to a node in the same process. */
export interface MemoryChannelOptions {
  /** The clock of timeouts. Default: the system's. */
  readonly clock?: Clock | undefined
  /** The timeout of calls without one, in milliseconds. Default: 5000. */
  readonly timeoutMs?: number | undefined
}

/** Returns the node that is now at an address, or undefined. */
export type NodeDirectory = (address: string) => NodeService | undefined

/** Returns a factory of channels to the nodes of this process, for the `channel` option of `connect`. */
export function memoryChannelFactory(nodeAt: NodeDirectory, options: MemoryChannelOptions = {}): ClientChannelFactory {
  return (address) => new MemoryClientChannel(address, nodeAt, options)
}

const TIMEOUT_MS = 5000

/** Decides the outcome of a call without a response: unknown for a mutation, not applied for a read. */
type CallKind = 'mutation' | 'read'

/** A ClientChannel that calls the node directly. */
export class MemoryClientChannel implements ClientChannel {
  readonly address: string
  readonly #nodeAt: NodeDirectory
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #pendingCalls = new Set<(error: RaftError) => void>()
  #isClosed = false

  constructor(address: string, nodeAt: NodeDirectory, options: MemoryChannelOptions = {}) {
    this.address = address
    this.#nodeAt = nodeAt
    this.#clock = options.clock ?? systemClock
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS
  }

  propose(command: Uint8Array, { session, expectTerm, forward, ...options }: ProposeOptions = {}): Promise<Applied> {
    return this.#call('mutation', options, (node, callOptions) =>
      node.proposeBytes(command, { ...callOptions, session, forward, expectTerm }),
    )
  }

  registerSession(options: CallOptions = {}): Promise<RegisteredSession> {
    return this.#call('mutation', options, (node, callOptions) =>
      node.registerSession({ ...callOptions, awaitLeader: false }),
    )
  }

  query(
    query: Uint8Array,
    { mode, atLeast, maxStalenessMs, ...options }: ReadOptions = {},
  ): Promise<{ readonly answer: Uint8Array; readonly appliedIndex: LogIndex }> {
    return this.#call('read', options, (node, callOptions) =>
      node.queryBytes(query, { ...callOptions, mode, atLeast, maxStalenessMs }),
    )
  }

  changes(options: ChangesOptions = {}): AsyncIterableIterator<ChangeBatch> {
    let batches: AsyncIterator<ChangeBatch> | undefined
    const open = (): AsyncIterator<ChangeBatch> => {
      if (this.#isClosed) throw new RaftError('ERR_RAFT_CLOSED', 'the client was closed')
      const node = this.#nodeAt(this.address)
      if (node === undefined) throw noNodeError(this.address)
      return node.changesBytes(options)[Symbol.asyncIterator]()
    }
    return {
      next: async () => {
        batches ??= open()
        return batches.next()
      },
      return: async () => (await batches?.return?.()) ?? { done: true, value: undefined },
      [Symbol.asyncIterator]() {
        return this
      },
    }
  }

  status(options: CallOptions = {}): Promise<NodeStatus> {
    return this.#call('read', options, (node) => node.status())
  }

  changeMembership(change: MembershipChange, options: CallOptions = {}): Promise<{ readonly index: LogIndex }> {
    return this.#call('mutation', options, (node, callOptions) => node.changeMembership(change, callOptions))
  }

  transferLeadership(
    to: NodeId | undefined,
    { force, ...options }: CallOptions & { readonly force?: boolean | undefined } = {},
  ): Promise<{ readonly leader: NodeId | undefined }> {
    return this.#call('mutation', options, (node, callOptions) =>
      node.transferLeadership({ ...callOptions, to, force }),
    )
  }

  takeSnapshot({ linearizable, ...options }: SnapshotOptions = {}): Promise<SnapshotInfo> {
    return this.#call('mutation', options, (node, callOptions) => node.takeSnapshot({ ...callOptions, linearizable }))
  }

  readSnapshot(id: string, offset: number, options: CallOptions = {}): Promise<Uint8Array> {
    return this.#call('read', options, (node, callOptions) => node.readSnapshot(id, offset, callOptions))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const giveUp of this.#pendingCalls) giveUp(new RaftError('ERR_RAFT_CLOSED', 'the client was closed'))
  }

  /** The node applies the timeout and the signal itself, and knows the outcome best; this end only bounds the wait. */
  #call<Value>(
    kind: CallKind,
    { signal, timeoutMs = this.#timeoutMs }: CallOptions,
    action: (node: NodeService, callOptions: CallOptions) => Promise<Value>,
  ): Promise<Value> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) throw new RaftError('ERR_RAFT_CLOSED', 'the client was closed')
      if (signal?.aborted === true)
        throw new RaftError('ERR_RAFT_ABORTED', 'aborted by the caller', { cause: signal.reason })
      const node = this.#nodeAt(this.address)
      if (node === undefined) throw noNodeError(this.address)
      const answer = action(node, { signal, timeoutMs })
      const timer = this.#clock.wakeAt(this.#clock.now() + timeoutMs, () =>
        giveUp(timeoutError(this.address, timeoutMs)),
      )
      const abort = (): void =>
        this.#clock.defer(() =>
          giveUp(new RaftError('ERR_RAFT_ABORTED', 'aborted by the caller', { cause: signal?.reason })),
        )
      const done = (): void => {
        timer.cancel()
        stopListening?.()
        this.#pendingCalls.delete(giveUp)
      }
      const giveUp = (error: RaftError): void => {
        done()
        reject(kind === 'read' ? error : outcomeUnknownError(error))
      }
      const stopListening = signal === undefined ? undefined : onAbort(signal, abort)
      this.#pendingCalls.add(giveUp)
      answer.then(resolve, reject).finally(done)
    })
  }
}

function noNodeError(address: string): RaftError {
  return new RaftError('ERR_RAFT_UNREACHABLE', `${address} cannot be reached: no node is there`)
}

function timeoutError(address: string, timeoutMs: number): RaftError {
  return new RaftError('ERR_RAFT_TIMEOUT', `no response from ${address} within ${Math.round(timeoutMs)} ms`)
}

function outcomeUnknownError(reason: RaftError): RaftError {
  return new RaftError('ERR_RAFT_OUTCOME_UNKNOWN', `${reason.message}; it may or may not have taken effect`, {
    hint: 'read the state before you retry',
    cause: reason,
  })
}

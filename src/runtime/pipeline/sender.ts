/** Adds the bytes of blocks to outgoing messages: from the cache, or else from disk without delaying other peers. */

import type { BlockBody, EncodedBlock } from '../../contracts/encoded-block.ts'
import type { QueueStatus } from '../../contracts/node-service.ts'
import type { Storage } from '../../contracts/storage.ts'
import type { PeerMessage, Transport } from '../../contracts/transport.ts'
import type { AppendEntriesRequest, Outgoing } from '../../core/messages.ts'
import type { Block, NodeId } from '../../core/types.ts'
import { isRaftError, RaftError } from '../../errors.ts'
import type { BlockCache } from './block-cache.ts'

export interface SenderParts {
  readonly transport: Pick<Transport, 'send'>
  readonly storage: Pick<Storage, 'read'>
  readonly cache: BlockCache
  readonly queueMax: number
  /** The log could not be read. */
  readonly onFailed: (error: unknown) => void
}

/** Messages to one peer keep their order. If its queue is full, they are dropped, as a network may. */
export class Sender {
  readonly #parts: SenderParts
  /** The peers with a pending disk read, and the messages queued behind it. */
  readonly #queues = new Map<NodeId, Outgoing['message'][]>()
  #isStopped = false

  constructor(parts: SenderParts) {
    this.#parts = parts
  }

  get queues(): readonly QueueStatus[] {
    const max = this.#parts.queueMax
    return [...this.#queues].map(([peer, queue]) => ({ limit: 'sendQueueMax', peer, used: queue.length, max }))
  }

  send(outgoing: readonly Outgoing[]): void {
    if (this.#isStopped) return
    for (const { to, message } of outgoing) {
      const queue = this.#queues.get(to)
      if (queue !== undefined) {
        if (queue.length < this.#parts.queueMax) queue.push(message)
        continue
      }
      const packed = this.#packFromCache(message)
      if (packed !== undefined) this.#parts.transport.send(to, packed)
      else {
        this.#queues.set(to, [message])
        void this.#drain(to)
      }
    }
  }

  stop(): void {
    this.#isStopped = true
    this.#queues.clear()
  }

  #packFromCache(message: Outgoing['message']): PeerMessage | undefined {
    if (message.type === 'ProposeRequest') return { ...message, payload: message.payload as BlockBody }
    if (message.type !== 'AppendEntriesRequest') return message
    const blocks: EncodedBlock[] = []
    for (const { first, term } of message.blocks) {
      const block = this.#parts.cache.get(first, term)
      if (block === undefined) return undefined
      blocks.push(block)
    }
    return packed(message, blocks)
  }

  async #drain(to: NodeId): Promise<void> {
    const queue = this.#queues.get(to) ?? []
    for (let next = queue[0]; next !== undefined && !this.#isStopped; next = queue[0]) {
      const packed = this.#packFromCache(next) ?? (await this.#packFromDisk(next as AppendEntriesRequest))
      if (packed !== undefined && !this.#isStopped) this.#parts.transport.send(to, packed)
      queue.shift()
    }
    this.#queues.delete(to)
  }

  /** Returns undefined if the log has changed: the message is outdated, and the core will send a newer one. */
  async #packFromDisk(message: AppendEntriesRequest): Promise<PeerMessage | undefined> {
    const blocks: EncodedBlock[] = []
    let bytes = 0
    for (const { size } of message.blocks) bytes += size
    try {
      while (blocks.length < message.blocks.length) {
        const wanted = message.blocks[blocks.length] as AppendEntriesRequest['blocks'][number]
        const cached = this.#parts.cache.get(wanted.first, wanted.term)
        const found = cached === undefined ? await this.#parts.storage.read(wanted.first, bytes) : [cached]
        for (const block of found.slice(0, message.blocks.length - blocks.length)) {
          const expected = message.blocks[blocks.length] as AppendEntriesRequest['blocks'][number]
          if (block.first !== expected.first || block.term !== expected.term) return undefined
          if (block.checksum !== expected.checksum) throw changedBlockError(block, expected)
          blocks.push(block)
          bytes -= block.size
        }
      }
    } catch (error) {
      if (!isRaftError(error, 'ERR_RAFT_COMPACTED') && !this.#isStopped) this.#parts.onFailed(error)
      return undefined
    }
    return packed(message, blocks)
  }
}

/** Field by field: an object that is spread has another shape each time, which slows down all that reads messages. */
function packed(message: AppendEntriesRequest, blocks: readonly EncodedBlock[]): PeerMessage {
  const { type, term, prevIndex, prevTerm, prevChain, commitIndex, round, session, digestOfQuorum } = message
  const request = { type, term, prevIndex, prevTerm, prevChain, commitIndex, blocks, round, session }
  return digestOfQuorum === undefined ? request : { ...request, digestOfQuorum }
}

/** A block that was exchanged on disk is valid in itself: only the log in memory knows that it is another one. It must not be sent as the truth. */
function changedBlockError({ first, count, checksum }: Block, expected: Block): RaftError {
  const what = `the block from ${first} to ${first + count - 1} has checksum ${checksum} on disk, and ${expected.checksum} in the log`
  return new RaftError('ERR_RAFT_CORRUPT', `the stored log has changed: ${what}; it was not sent`, {
    details: { firstBadIndex: first, checksum, expected: expected.checksum ?? 0 },
  })
}

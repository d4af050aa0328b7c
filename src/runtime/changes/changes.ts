/** The iterators over the changes of a node: decoded for its own process, and encoded in batches for network servers. */
import type { Clock } from '../../contracts/clock.ts'
import type { Change, ChangeBatch, ChangesOptions } from '../../contracts/node-service.ts'
import { CHANGES_INTERVAL_MS } from '../../contracts/node-service.ts'
import type { Codec } from '../../contracts/state-machine.ts'
import type { NodeId } from '../../core/types.ts'
import { RaftError } from '../../errors.ts'
import { fromLatin1 } from '../../platform/bytes.ts'
import { onAbort } from '../../platform/on-abort.ts'
import { assertIndex } from '../../platform/options.ts'
import type { AppliedChange } from './applied-block.ts'
import type { ChangeFeed } from './change-feed.ts'
import { ChangeReader } from './change-feed.ts'

export interface ChangesParts<Command, Result> {
  readonly feed: ChangeFeed
  readonly clusterId: string
  readonly codec: Codec<Command>
  readonly resultCodec: Codec<Result>
  readonly clock: Clock
  readonly leader: () => NodeId | undefined
}

/** A batch ends at this size; a single larger change is a batch. */
const BATCH_BYTES = 256 * 1024

export class Changes<Command, Result> {
  readonly #parts: ChangesParts<Command, Result>

  constructor(parts: ChangesParts<Command, Result>) {
    this.#parts = parts
  }

  read(options: ChangesOptions = {}): AsyncIterableIterator<Change<Command, Result>> {
    return follow(this.#reader(options), options.signal, (reader) => this.#decoded(reader))
  }

  readBatches(options: ChangesOptions = {}): AsyncIterableIterator<ChangeBatch> {
    return follow(this.#reader(options), options.signal, (reader) => this.#batches(reader))
  }

  /** The place of the reader is that of the call, and not that of its first read. Invalid options are an error of the first read. */
  #reader({ from, clusterId }: ChangesOptions): () => ChangeReader {
    const { feed, clusterId: own } = this.#parts
    const reader = new ChangeReader(feed, from)
    return () => {
      assertIndex('from', from)
      if (clusterId !== undefined && clusterId !== own) throw otherClusterError(clusterId, own)
      feed.open(reader)
      return reader
    }
  }

  async *#decoded(reader: ChangeReader): AsyncGenerator<Change<Command, Result>, void, undefined> {
    while (!reader.isEnded) {
      const taken = reader.take(BATCH_BYTES)
      if (taken.length === 0) await reader.wait()
      for (const change of taken) {
        if (reader.isEnded) return
        yield this.#decode(change)
      }
    }
  }

  async *#batches(reader: ChangeReader): AsyncGenerator<ChangeBatch, void, undefined> {
    const { clock, leader, clusterId } = this.#parts
    let dueAt = clock.now()
    let isDue = true
    let hasLeader = false
    while (!reader.isEnded) {
      const taken = reader.take(BATCH_BYTES)
      if (taken.length > 0 || isDue) {
        const hadLeader = hasLeader
        hasLeader = leader() !== undefined
        // Without one for a whole interval, and not just during an election.
        if (isDue && !hasLeader && !hadLeader) throw noLeaderError()
        isDue = false
        dueAt = clock.now() + CHANGES_INTERVAL_MS
        yield { changes: taken.map(encodedChange), nextIndex: reader.nextIndex, clusterId }
      } else {
        const timer = clock.wakeAt(dueAt, () => {
          isDue = true
          reader.wake()
        })
        await reader.wait()
        timer.cancel()
      }
    }
  }

  #decode({ index, term, command, result }: AppliedChange): Change<Command, Result> {
    const { codec, resultCodec } = this.#parts
    try {
      return {
        ...{ index, term, command: codec.decode(command) },
        result: result === undefined ? undefined : resultCodec.decode(fromLatin1(result)),
      }
    } catch (cause) {
      throw new RaftError('ERR_RAFT_BAD_MESSAGE', `the change at index ${index} cannot be decoded: ${String(cause)}`, {
        hint: 'the codecs of the node must decode what they encode',
        details: { index },
        cause,
      })
    }
  }
}

function encodedChange({ index, term, command, result }: AppliedChange): Change {
  return { index, term, command, result: result === undefined ? undefined : fromLatin1(result) }
}

/** An iterator that opens its reader at the first read, and that `return` ends even while it waits. */
function follow<Value>(
  open: () => ChangeReader,
  signal: AbortSignal | undefined,
  valuesOf: (reader: ChangeReader) => AsyncGenerator<Value, void, undefined>,
): AsyncIterableIterator<Value> {
  let opened: ChangeReader | undefined
  const values = (async function* (): AsyncGenerator<Value, void, undefined> {
    if (signal?.aborted === true) return
    const reader = open()
    opened = reader
    const stopListening = signal === undefined ? undefined : onAbort(signal, () => reader.end())
    try {
      yield* valuesOf(reader)
    } finally {
      stopListening?.()
      reader.end()
    }
  })()
  return {
    next: () => values.next(),
    return: () => {
      opened?.end()
      return values.return()
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

function otherClusterError(wanted: string, own: string): RaftError {
  const why = `the index is one of cluster ${wanted}, but this is ${own}, whose history is another one`
  return new RaftError('ERR_RAFT_CLUSTER_MISMATCH', why, {
    hint: 'read the state of this cluster, and follow its changes after that; it may have been restored from a backup',
    details: { wanted, own },
  })
}

function noLeaderError(): RaftError {
  return new RaftError(
    'ERR_RAFT_NO_LEADER',
    'the changes end: this node knows no leader, and may miss what others apply',
    {
      hint: 'continue after the last change at another node',
    },
  )
}

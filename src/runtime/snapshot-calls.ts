/** The calls for snapshots: takes one, and reads parts of one for a backup. Each ends at its deadline, whatever the disk does. */
import type { CallOptions, SnapshotOptions } from '../contracts/node-service.ts'
import type { Instant, LogIndex, SnapshotInfo } from '../core/types.ts'
import type { Calls } from './calls/calls.ts'
import type { ReadCalls } from './read-calls.ts'
import type { Snapshots } from './snapshots/snapshots.ts'

/** The default timeout of taking a snapshot: the duration depends on the size of the state. */
const TAKE_TIMEOUT_MS = 60_000

export interface SnapshotCallsParts {
  readonly calls: Pick<Calls<unknown>, 'adminRequests' | 'deadlines'>
  readonly readCalls: ReadCalls
  readonly snapshots: Pick<Snapshots, 'take' | 'readPart'>
}

export class SnapshotCalls {
  readonly #parts: SnapshotCallsParts

  constructor(parts: SnapshotCallsParts) {
    this.#parts = parts
  }

  async take({ linearizable, timeoutMs = TAKE_TIMEOUT_MS, signal }: SnapshotOptions = {}): Promise<SnapshotInfo> {
    const deadline = this.#parts.calls.deadlines.deadlineFor({ timeoutMs })
    const { readCalls } = this.#parts
    // Up to this index the node has applied everything that was acknowledged before this call.
    const read = { signal, awaitLeader: true }
    const index = linearizable === true ? await readCalls.read((appliedIndex) => appliedIndex, read, deadline) : 0
    return this.#take(index, deadline, signal)
  }

  read(id: string, offset: number, options: CallOptions = {}): Promise<Uint8Array> {
    const { calls, snapshots } = this.#parts
    const { adminRequests, deadlines } = calls
    const deadline = deadlines.deadlineFor(options)
    return new Promise((resolve, reject) => {
      const request = adminRequests.add({
        operation: 'snapshot read',
        deadline,
        signal: options.signal,
        resolve,
        reject,
      })
      snapshots.readPart(id, offset).then(
        (bytes) => adminRequests.resolveSnapshotRead(request, bytes),
        (error) => adminRequests.reject(request, error),
      )
    })
  }

  /** Takes a snapshot that covers `index`. */
  #take(index: LogIndex, deadline: Instant, signal: AbortSignal | undefined): Promise<SnapshotInfo> {
    const { calls, snapshots } = this.#parts
    const { adminRequests } = calls
    return new Promise((resolve, reject) => {
      const request = adminRequests.add({ operation: 'snapshot', deadline, signal, resolve, reject })
      const taken = snapshots.take().then((snapshot) => {
        // That one may have been begun before this call.
        return snapshot.index >= index ? snapshot : snapshots.take()
      })
      taken.then(
        (snapshot) => adminRequests.resolveSnapshot(request, snapshot),
        (error) => adminRequests.reject(request, error),
      )
    })
  }
}

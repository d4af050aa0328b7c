/** The load on a measured system: a number of loops, each of which starts its next operation when the last one has ended. */

export type Operation = 'write' | 'read'

/** What a load runs against. A write resolves once it is durable on a majority and applied. */
export interface LoadTarget {
  write(command: Uint8Array): Promise<unknown>
  /** A linearizable read of one key. */
  read?(key: Uint8Array): Promise<unknown>
}

export interface LoadRequest {
  readonly operation: Operation
  readonly outstanding: number
  readonly seconds: number
  /** The size of a command. */
  readonly bytes: number
  /** Ends the load after so many operations. */
  readonly operationsMax?: number
}

export interface LoadResult {
  readonly operations: number
  readonly failures: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** The global `performance` is looked up each time. */
const now = performance.now.bind(performance)

/** The keys that commands write, in turn. */
const KEYS = 10_000
const KEY_BYTES = 16
/** The wait of a loop after a failed operation. */
const FAILURE_PAUSE_MS = 1

export async function load(
  target: LoadTarget,
  { operation, outstanding, seconds, bytes, operationsMax = Number.POSITIVE_INFINITY }: LoadRequest,
): Promise<LoadResult> {
  const latencies: number[] = []
  const start = now()
  const end = start + seconds * 1000
  let started = 0
  let failures = 0
  const startOne = (): Promise<unknown> | undefined => {
    const key = keyOf(started % KEYS)
    return operation === 'read' ? target.read?.(key) : target.write(commandOf(key, bytes))
  }
  const loop = async (): Promise<void> => {
    let begin = now()
    while (begin < end && started < operationsMax) {
      started++
      try {
        await startOne()
        const ended = now()
        latencies.push(ended - begin)
        begin = ended
      } catch {
        failures++
        await new Promise((resolve) => setTimeout(resolve, FAILURE_PAUSE_MS))
        begin = now()
      }
    }
  }
  await Promise.all(Array.from({ length: outstanding }, loop))
  const took = (now() - start) / 1000
  const sorted = Float64Array.from(latencies).sort()
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
  return { operations: sorted.length, failures, seconds: took, p50Ms: at(0.5), p99Ms: at(0.99) }
}

function keyOf(number: number): Uint8Array {
  return Buffer.from(number.toString().padStart(KEY_BYTES, 'k'), 'latin1')
}

function commandOf(key: Uint8Array, bytes: number): Uint8Array {
  // As a codec does that writes into a buffer: a zeroed one is an allocation of its own, which costs more than the rest of a small operation.
  const command = Buffer.allocUnsafe(Math.max(bytes, KEY_BYTES)).fill(7)
  command.set(key)
  return command
}

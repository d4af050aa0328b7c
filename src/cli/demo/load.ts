/** Writes to the cluster as fast as possible for some seconds and measures throughput and latency. */
import { isRaftError } from '../../errors.ts'
import type { KvClient } from '../kv-client.ts'

export interface LoadOptions {
  readonly durationMs: number
  readonly outstanding: number
  readonly valueBytes: number
}

export const LOAD_DEFAULTS: LoadOptions = { durationMs: 5000, outstanding: 64, valueBytes: 128 }

export interface LoadResult {
  readonly writes: number
  readonly failures: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

const PREFIX = 'demo/load/'
/** The load cycles through this many keys, so that the state stays small. */
const KEYS = 10_000

export async function load(cluster: KvClient, options: LoadOptions = LOAD_DEFAULTS): Promise<LoadResult> {
  const value = Buffer.alloc(options.valueBytes, 'x')
  const times: number[] = []
  let failures = 0
  let next = 0
  const startedAt = performance.now()
  const end = startedAt + options.durationMs
  const writer = async (): Promise<void> => {
    for (let now = startedAt; now < end; ) {
      const key = `${PREFIX}${next++ % KEYS}`
      const isDone = await tryWrite(cluster, key, value)
      const then = performance.now()
      if (isDone) times.push(then - now)
      else failures++
      now = then
    }
  }
  await Promise.all(Array.from({ length: options.outstanding }, writer))
  const seconds = (performance.now() - startedAt) / 1000
  times.sort((left, right) => left - right)
  const at = (fraction: number): number => times[Math.min(times.length - 1, Math.floor(times.length * fraction))] ?? 0
  return { writes: times.length, failures, perSecond: times.length / seconds, p50Ms: at(0.5), p99Ms: at(0.99) }
}

async function tryWrite(cluster: KvClient, key: string, value: Uint8Array): Promise<boolean> {
  try {
    await cluster.raftClient.propose({ type: 'put', key, value })
    return true
  } catch (error) {
    if (isRaftError(error)) return false
    throw error
  }
}

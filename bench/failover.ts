/** Measures repeatedly, as a client, the time from SIGKILL of the leader to the next acknowledged write. */
import { bytesCodec, connect } from 'quorate'
import { findLeader, pause, startNodeProcess, startRaft, stop } from './cluster.ts'
import { median } from './figures.ts'
import { inTemporaryDirectory } from './processes.ts'

export interface FailoverRow {
  readonly name: string
  readonly trials: number
  readonly medianMs: number
  readonly minMs: number
  readonly maxMs: number
}

export async function measureFailover(
  name: string,
  trials: number,
  options: Readonly<Record<string, unknown>>,
): Promise<FailoverRow> {
  return await inTemporaryDirectory(async (directory) => {
    const cluster = await startRaft(directory, options)
    const workers = [...cluster.workers]
    const client = await connect({ endpoints: Object.values(cluster.addresses), codec: bytesCodec })
    const times: number[] = []
    try {
      for (let trial = 0; trial < trials; trial++) {
        await client.propose(new Uint8Array(16))
        const leader = await findLeader(workers)
        const offset = workers.indexOf(leader)
        const begin = performance.now()
        await leader.kill()
        await client.propose(new Uint8Array(16), { timeoutMs: 20_000 })
        times.push(performance.now() - begin)
        workers[offset] = await startNodeProcess(directory, leader.ready.id as string, cluster.addresses, options)
        await pause(500)
      }
    } finally {
      await client.close()
      await stop({ leader: workers[0] as never, workers })
    }
    return { name, trials, medianMs: median(times), minMs: Math.min(...times), maxMs: Math.max(...times) }
  })
}

/** The load on every measured cluster: closed loops of proposals from inside the leader's process. */

/** A target of the load; `propose` resolves once the command is durable on a majority. */
export interface LoadTarget {
  propose(command: Uint8Array): Promise<unknown>
}

export interface LoadRequest {
  readonly type: 'load'
  readonly outstanding: number
  readonly seconds: number
  readonly bytes: number
}

export interface LoadResult {
  readonly type: 'result'
  readonly operations: number
  readonly failures: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

export interface UsageResult {
  readonly type: 'usage'
  readonly cpuMicroseconds: number
  readonly rssBytes: number
}

type WorkerRequest =
  | LoadRequest
  | { readonly type: 'usage' }
  | { readonly type: 'call'; readonly name: string; readonly argument: unknown }

/** Reports to the parent process that this one is ready, then serves its requests. `calls` are further requests by name. */
export function serveParent(
  ready: Readonly<Record<string, unknown>>,
  target?: LoadTarget,
  calls: Readonly<Record<string, (argument: unknown) => Promise<unknown>>> = {},
): void {
  process.on('message', (request: WorkerRequest) => {
    void handleRequest(request, target, calls).then((answer) => process.send?.(answer))
  })
  process.on('disconnect', () => process.exit(0))
  process.send?.({ type: 'ready', pid: process.pid, ...ready })
}

async function handleRequest(
  request: WorkerRequest,
  target: LoadTarget | undefined,
  calls: Readonly<Record<string, (argument: unknown) => Promise<unknown>>>,
): Promise<unknown> {
  if (request.type === 'usage') {
    const { user, system } = process.cpuUsage()
    return { type: 'usage', cpuMicroseconds: user + system, rssBytes: process.memoryUsage.rss() }
  }
  if (request.type === 'call') {
    try {
      return { type: 'answer', value: await calls[request.name]?.(request.argument) }
    } catch (error) {
      return { type: 'failure', message: (error as Error).message }
    }
  }
  if (target === undefined) throw new Error('this process is not the target of a load')
  return await load(target, request)
}

export async function load(target: LoadTarget, { outstanding, seconds, bytes }: LoadRequest): Promise<LoadResult> {
  const command = new Uint8Array(bytes).fill(7)
  const latencies: number[] = []
  const start = performance.now()
  const end = start + seconds * 1000
  let failures = 0
  const loop = async (): Promise<void> => {
    for (let begin = performance.now(); begin < end; begin = performance.now()) {
      try {
        await target.propose(command)
        latencies.push(performance.now() - begin)
      } catch {
        failures++
      }
    }
  }
  await Promise.all(Array.from({ length: outstanding }, loop))
  const took = (performance.now() - start) / 1000
  const sorted = Float64Array.from(latencies).sort()
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
  return {
    type: 'result',
    operations: sorted.length,
    failures,
    seconds: took,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    maxMs: at(1),
  }
}

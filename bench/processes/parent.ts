/** Serves the requests of the process that started this one, over Node's channel between the two. */
import { getHeapStatistics } from 'node:v8'
import { type LoadRequest, type LoadTarget, load } from './load.ts'

/** The resources that a process uses. */
export interface Usage {
  /** User and system time since its start. */
  readonly cpuMicroseconds: number
  readonly rssBytes: number
  /** Zero for a process that is not JavaScript. */
  readonly heapBytes: number
}

export type Calls = Readonly<Record<string, (argument: never) => unknown>>

export interface Request {
  readonly number: number
  readonly name: string
  readonly argument: unknown
}

export interface Response {
  /** That of the request; zero for the first response, which reports that the process is ready. */
  readonly number: number
  readonly value?: unknown
  readonly error?: string
}

/** Reports `ready`, then answers requests: `usage`, `load`, and those of `calls`. */
export function serveParent(ready: unknown, target: LoadTarget | undefined, calls: Calls = {}): void {
  const all: Calls = {
    usage,
    load: (request: LoadRequest) => {
      if (target === undefined) throw new Error('this process is not the target of a load')
      return load(target, request)
    },
    ...calls,
  }
  process.on('message', (request: Request) => {
    void answer(all, request).then((response) => process.send?.(response))
  })
  process.on('disconnect', () => process.exit(0))
  process.send?.({ number: 0, value: ready } satisfies Response)
}

async function answer(calls: Calls, { number, name, argument }: Request): Promise<Response> {
  try {
    return { number, value: await calls[name]?.(argument as never) }
  } catch (error) {
    return { number, error: (error as Error).message }
  }
}

function usage(): Usage {
  const { user, system } = process.cpuUsage()
  return {
    cpuMicroseconds: user + system,
    rssBytes: process.memoryUsage.rss(),
    heapBytes: getHeapStatistics().used_heap_size,
  }
}

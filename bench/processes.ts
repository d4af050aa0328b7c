/** Starts the measured processes and sends them requests. They end with this process. */
import { type ChildProcess, fork } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { LoadRequest, LoadResult, UsageResult } from './load.ts'

/** How long a process may take to start, or to respond beyond the duration of a load. */
const ANSWER_TIMEOUT_MS = 30_000

export class Worker {
  readonly child: ChildProcess
  readonly ready: Readonly<Record<string, unknown>>

  private constructor(child: ChildProcess, ready: Readonly<Record<string, unknown>>) {
    this.child = child
    this.ready = ready
  }

  static async start(script: string, argv: readonly string[]): Promise<Worker> {
    const path = fileURLToPath(new URL(script, import.meta.url))
    const child = fork(path, argv, { execArgv: ['--import', 'tsx'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const ready = await nextMessage(child, ANSWER_TIMEOUT_MS)
    return new Worker(child, ready as Record<string, unknown>)
  }

  async usage(): Promise<UsageResult> {
    return (await this.#request({ type: 'usage' }, ANSWER_TIMEOUT_MS)) as UsageResult
  }

  async load(request: LoadRequest): Promise<LoadResult> {
    return (await this.#request(request, request.seconds * 1000 + ANSWER_TIMEOUT_MS)) as LoadResult
  }

  async call(name: string, argument?: unknown, timeoutMs = ANSWER_TIMEOUT_MS): Promise<unknown> {
    const answer = (await this.#request({ type: 'call', name, argument }, timeoutMs)) as {
      readonly type: string
      readonly value?: unknown
      readonly message?: string
    }
    if (answer.type === 'failure') throw new Error(answer.message)
    return answer.value
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const exited = new Promise((resolve) => this.child.once('exit', resolve))
    this.child.kill('SIGKILL')
    await exited
  }

  #request(request: object, timeoutMs: number): Promise<unknown> {
    this.child.send(request)
    return nextMessage(this.child, timeoutMs)
  }
}

/** Runs `use` with a temporary directory and removes it afterwards. */
export async function inTemporaryDirectory<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'quorate-bench-'))
  try {
    return await use(directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

function nextMessage(child: ChildProcess, timeoutMs: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const finish = (act: () => void): void => {
      clearTimeout(timer)
      child.off('message', onMessage)
      child.off('exit', onExit)
      act()
    }
    const onMessage = (message: unknown): void => finish(() => resolve(message))
    const onExit = (code: number | null): void =>
      finish(() => reject(new Error(`a measured process exited with ${code}`)))
    const timer = setTimeout(() => finish(() => reject(new Error('a measured process does not respond'))), timeoutMs)
    child.on('message', onMessage)
    child.on('exit', onExit)
  })
}

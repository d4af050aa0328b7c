/** A measured JavaScript process, and the requests to it. It ends with this process. */
import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import type { ProcessName } from './built-processes.ts'
import type { LoadRequest, LoadResult } from './processes/load.ts'
import type { Request, Response, Usage } from './processes/parent.ts'

/** How long a process may take to start, or to respond beyond the duration of a load. */
const ANSWER_TIMEOUT_MS = 60_000

export class Worker<Ready = unknown> {
  readonly ready: Ready
  readonly #child: ChildProcess
  readonly #written: () => string
  #requests = 0

  /** `written` returns what the process wrote to standard error. */
  private constructor(child: ChildProcess, written: () => string, ready: Ready) {
    this.#child = child
    this.#written = written
    this.ready = ready
  }

  static async start<Ready>(folder: string, name: ProcessName, argument: unknown): Promise<Worker<Ready>> {
    const { NODE_OPTIONS: _, ...env } = process.env
    const child = fork(join(folder, `${name}.js`), [JSON.stringify(argument)], {
      ...{ env, execArgv: [], serialization: 'advanced' },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    let stderr = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr = `${stderr}${chunk.toString()}`.slice(-4000)
    })
    try {
      return new Worker(child, () => stderr, unwrap(await responseTo(0, child, ANSWER_TIMEOUT_MS)) as Ready)
    } catch (error) {
      child.kill('SIGKILL')
      throw new Error(`${(error as Error).message}${summaryOf(stderr)}`)
    }
  }

  async usage(): Promise<Usage> {
    return (await this.call('usage')) as Usage
  }

  async load(request: LoadRequest): Promise<LoadResult> {
    return (await this.call('load', request, request.seconds * 1000 + ANSWER_TIMEOUT_MS)) as LoadResult
  }

  async call(name: string, argument?: unknown, timeoutMs = ANSWER_TIMEOUT_MS): Promise<unknown> {
    const number = ++this.#requests
    if (!this.#child.connected) throw new Error(`a measured process has exited${summaryOf(this.#written())}`)
    const response = responseTo(number, this.#child, timeoutMs)
    this.#child.send({ number, name, argument } satisfies Request)
    try {
      return unwrap(await response)
    } catch (error) {
      throw new Error(`${(error as Error).message}${summaryOf(this.#written())}`)
    }
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGKILL')
    await exited
  }
}

function unwrap({ value, error }: Response): unknown {
  if (error !== undefined) throw new Error(error)
  return value
}

/** The line of a stack trace that states the error. */
function summaryOf(stderr: string): string {
  const line = stderr.split('\n').find((each) => /^\w*Error\b.*: /.test(each))
  return line === undefined ? '' : `: ${line.trim()}`
}

function responseTo(number: number, child: ChildProcess, timeoutMs: number): Promise<Response> {
  return new Promise((resolve, reject) => {
    const finish = (act: () => void): void => {
      clearTimeout(timer)
      child.off('message', onMessage)
      child.off('close', onClose)
      act()
    }
    const onMessage = (message: unknown): void => {
      if ((message as Response).number === number) finish(() => resolve(message as Response))
    }
    const onClose = (code: number | null): void =>
      finish(() => reject(new Error(`a measured process exited with ${code}`)))
    const timer = setTimeout(() => finish(() => reject(new Error('a measured process does not respond'))), timeoutMs)
    child.on('message', onMessage)
    child.on('close', onClose)
  })
}

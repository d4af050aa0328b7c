/** Opens damaged directories in a child process, because RocksDB's assertions abort the process on some damage. */
import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Acknowledged } from './history.ts'

/** The request to the child process, and its response: the outcome, or a description of a wrong behaviour. */
export interface OpenRequest {
  readonly directory: string
  readonly acknowledged: Acknowledged
}
export interface OpenResponse {
  readonly outcome?: string
  readonly problem?: string
}

export class ChildOpener {
  #running: { readonly child: ChildProcess; readonly closed: Promise<unknown>; isClosed: boolean } | undefined
  #errors = ''

  /** Resolves with 'whole', with the code of the error, or with 'aborted' if RocksDB aborted the process. */
  async tryToOpen(directory: string, acknowledged: Acknowledged): Promise<string> {
    const { child, closed } = await this.#process()
    const control = new AbortController()
    const answered = once(child, 'message', control) as Promise<[OpenResponse]>
    answered.catch(() => undefined)
    const request: OpenRequest = { directory, acknowledged }
    child.send(request, () => undefined)
    const response = await Promise.race([answered, closed.then(() => undefined)])
    control.abort()
    if (response === undefined) {
      await this.#assertAborted()
      return 'aborted'
    }
    const [{ outcome, problem }] = response
    assert.ok(outcome !== undefined, problem)
    return outcome
  }

  async close(): Promise<void> {
    if (this.#running === undefined) return
    const { child, closed } = this.#running
    if (child.connected) child.disconnect()
    await closed
  }

  /** RocksDB works in the background after a response, so the process may have aborted since the last one. */
  async #process(): Promise<{ readonly child: ChildProcess; readonly closed: Promise<unknown> }> {
    if (this.#running?.isClosed === true) await this.#assertAborted()
    if (this.#running !== undefined) return this.#running
    const child = fork(new URL('./child-opener-process.ts', import.meta.url), {
      execArgv: ['--import', 'tsx'],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    child.stderr?.on('data', (text: Buffer) => {
      this.#errors += text.toString()
    })
    // Not 'close': the compiler process of tsx keeps the same stderr open.
    const closed = once(child, 'exit')
    const running = { child, closed, isClosed: false }
    void closed.then(() => {
      running.isClosed = true
    })
    this.#running = running
    return running
  }

  async #assertAborted(): Promise<void> {
    const stderr = this.#running?.child.stderr
    // Its last output may arrive after its exit.
    if (this.#errors === '' && stderr) await once(stderr, 'data')
    this.#running = undefined
    assert.match(this.#errors, /rocksdb.*Assertion/, `the process ended: ${this.#errors}`)
    this.#errors = ''
  }
}

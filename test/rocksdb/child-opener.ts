/** Opens damaged directories in a process of its own: RocksDB's assertions end the process that meets damage it did not expect. */
import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Acknowledged } from './history.ts'

/** What a process that opens is told, and what it answers: the outcome, or what was wrong with it. */
export interface OpenRequest {
  readonly directory: string
  readonly known: Acknowledged
}
export interface OpenResponse {
  readonly outcome?: string
  readonly problem?: string
}

export class ChildOpener {
  #running: { readonly child: ChildProcess; readonly closed: Promise<unknown>; isClosed: boolean } | undefined
  #errors = ''

  /** 'whole', the code of the refusal, or 'aborted' if RocksDB ended the process: nothing was served then either. */
  async tryToOpen(directory: string, known: Acknowledged): Promise<string> {
    const { child, closed } = await this.#process()
    const control = new AbortController()
    const answered = once(child, 'message', control) as Promise<[OpenResponse]>
    answered.catch(() => undefined)
    const request: OpenRequest = { directory, known }
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

  /** RocksDB works on after an answer, so the process may also have ended since the last one. */
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
    // Not 'close': the compiler that tsx runs holds on to the same stderr.
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
    // Its last words may arrive after its end.
    if (this.#errors === '' && stderr) await once(stderr, 'data')
    this.#running = undefined
    assert.match(this.#errors, /rocksdb.*Assertion/, `the process ended: ${this.#errors}`)
    this.#errors = ''
  }
}

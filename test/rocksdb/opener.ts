/** Opens damaged directories in a process of its own: RocksDB's assertions end the process that meets damage it did not expect. */
import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Acknowledged } from './history.ts'

/** What a process that opens is told, and what it answers: the outcome, or what was wrong with it. */
export interface OpenOrder {
  readonly directory: string
  readonly known: Acknowledged
}
export interface OpenAnswer {
  readonly outcome?: string
  readonly wrong?: string
}

export class Opener {
  #child: ChildProcess | undefined
  #errors = ''

  /** 'whole', the code of the refusal, or 'aborted' if RocksDB ended the process: nothing was served then either. */
  async tryToOpen(directory: string, known: Acknowledged): Promise<string> {
    const child = this.#running()
    const control = new AbortController()
    const answered = once(child, 'message', control) as Promise<[OpenAnswer]>
    const ended = once(child, 'close', control)
    answered.catch(() => undefined)
    ended.catch(() => undefined)
    const order: OpenOrder = { directory, known }
    child.send(order)
    const answer = await Promise.race([answered, ended.then(() => undefined)])
    control.abort()
    if (answer === undefined) {
      this.#child = undefined
      assert.match(this.#errors, /rocksdb.*Assertion/, `the process ended: ${this.#errors}`)
      this.#errors = ''
      return 'aborted'
    }
    const [{ outcome, wrong }] = answer
    assert.ok(outcome !== undefined, wrong)
    return outcome
  }

  async close(): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    const ended = once(child, 'close')
    child.disconnect()
    await ended
  }

  #running(): ChildProcess {
    if (this.#child !== undefined) return this.#child
    const child = fork(new URL('./opening-process.ts', import.meta.url), {
      execArgv: ['--import', 'tsx'],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    child.stderr?.on('data', (text: Buffer) => {
      this.#errors += text.toString()
    })
    this.#child = child
    return child
  }
}

/** What runs in the other process: the machine is found there by the name of its export, and given the logs once more. */
import { readFileSync, writeSync } from 'node:fs'
import type { Codec, StateMachine } from '../../contracts/state-machine.ts'
import { jsonCodec } from '../../platform/json-codec.ts'
import { collectBytes } from './machine-under-test.ts'

/** For who starts the process. */
export const CHILD_MODULE: string = import.meta.url

/** What it is asked, as JSON on its standard input; bytes are base64. */
export interface ChildRequest {
  readonly module: string
  readonly machine: string
  readonly codec: string | undefined
  readonly resultCodec: string | undefined
  readonly logs: readonly (readonly string[])[]
}

/** What it tells, one JSON per line: what it is about to do, and what came of a log. */
export type ChildMessage =
  | { readonly type: 'begins'; readonly log: number; readonly number: number }
  | { readonly type: 'ended'; readonly log: number; readonly results: readonly string[]; readonly end: string }
  | { readonly type: 'threw'; readonly log: number; readonly number: number; readonly words: string }

/** Its standard output may be the machine's. */
const MESSAGE_FD = 3

/** Answers what it is asked, and ends. */
export async function answerAll(): Promise<void> {
  const request = JSON.parse(readFileSync(0, 'utf8')) as ChildRequest
  const found = (await import(request.module)) as Readonly<Record<string, unknown>>
  const make = makerIn(found, request.machine)
  const codec = codecIn(found, request.codec)
  const resultCodec = codecIn(found, request.resultCodec)
  for (const [log, commands] of request.logs.entries()) {
    let number = 0
    try {
      const machine = make()
      const results: string[] = []
      for (const command of commands) {
        send({ type: 'begins', log, number: ++number })
        const result = machine.apply(codec.decode(Buffer.from(command, 'base64')), { index: number, term: 1 })
        results.push(Buffer.from(resultCodec.encode(result)).toString('base64'))
      }
      send({ type: 'begins', log, number: ++number })
      send({ type: 'ended', log, results, end: (await collectBytes(machine.snapshot())).toString('base64') })
    } catch (thrown) {
      send({ type: 'threw', log, number, words: thrown instanceof Error ? String(thrown.stack) : String(thrown) })
    }
  }
}

function send(message: ChildMessage): void {
  // At once: what comes next may never end.
  writeSync(MESSAGE_FD, `${JSON.stringify(message)}\n`)
}

/** A class, or a function that makes a machine. */
function makerIn(found: Readonly<Record<string, unknown>>, name: string): () => StateMachine {
  const maker = found[name]
  if (typeof maker !== 'function') throw new Error(`it exports no class and no function named ${name}`)
  const isClass = /^class\b/.test(Function.prototype.toString.call(maker))
  return () => (isClass ? Reflect.construct(maker, []) : maker()) as StateMachine
}

function codecIn(found: Readonly<Record<string, unknown>>, name: string | undefined): Codec<unknown> {
  if (name === undefined) return jsonCodec()
  const codec = found[name]
  if (codec === undefined) throw new Error(`it exports no codec named ${name}`)
  return codec as Codec<unknown>
}

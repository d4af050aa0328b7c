/** The main module of the child process: loads the state machine by the name of its export and runs the logs. */
import { readFileSync, writeSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import os from 'node:os'
import type { Codec, StateMachine } from '../../contracts/state-machine.ts'
import { jsonCodec } from '../../platform/json-codec.ts'
import { formatThrown } from './machine-fault.ts'
import { collectBytes, versionOf } from './machine-under-test.ts'

/** The URL of this module, which the parent process passes to the child. */
export const CHILD_MODULE: string = import.meta.url

/** The request, as JSON on standard input. Bytes are base64. */
export interface ChildRequest {
  readonly module: string
  readonly machine: string
  readonly codec: string | undefined
  readonly resultCodec: string | undefined
  readonly logs: readonly (readonly string[])[]
}

/**
 * The output, one JSON object per line. Each call of `apply()`, and then of `snapshot()`, `begins`; `result` is what the command before it
 * returned.
 */
export type ChildMessage =
  | { readonly type: 'begins'; readonly log: number; readonly result: string | undefined }
  | { readonly type: 'ended'; readonly log: number; readonly snapshot: string }
  | { readonly type: 'threw'; readonly log: number; readonly number: number; readonly error: string }

/** The host name that a module reads while it is loaded. */
export const OTHER_HOST = 'another-host'

/** Standard output is left to the machine. */
const MESSAGE_FD = 3

/** Runs every log of the request. */
export async function runChild(): Promise<void> {
  const request = JSON.parse(readFileSync(0, 'utf8')) as ChildRequest
  os.hostname = () => OTHER_HOST
  syncBuiltinESMExports()
  const found = (await import(request.module)) as Readonly<Record<string, unknown>>
  const make = makerIn(found, request.machine)
  const codec = codecIn(found, request.codec)
  const resultCodec = codecIn(found, request.resultCodec)
  for (const [log, commands] of request.logs.entries()) {
    let number = 0
    try {
      const machine = make()
      const machineVersion = versionOf(machine)
      let result: string | undefined
      for (const command of commands) {
        send({ type: 'begins', log, result })
        number++
        const returned = machine.apply(codec.decode(Buffer.from(command, 'base64')), {
          ...{ index: number, term: 1, machineVersion },
        })
        result = Buffer.from(resultCodec.encode(returned)).toString('base64')
      }
      send({ type: 'begins', log, result })
      number++
      send({ type: 'ended', log, snapshot: (await collectBytes(machine.snapshot())).toString('base64') })
    } catch (thrown) {
      send({ type: 'threw', log, number, error: formatThrown(thrown) })
    }
  }
}

function send(message: ChildMessage): void {
  // Synchronous, because the next call may never return.
  writeSync(MESSAGE_FD, `${JSON.stringify(message)}\n`)
}

/** Accepts a class, or a function that creates a machine. */
function makerIn(found: Readonly<Record<string, unknown>>, name: string): () => StateMachine {
  const maker = found[name]
  if (typeof maker !== 'function') throw new Error(`the module exports no class or function named ${name}`)
  const isClass = /^class\b/.test(Function.prototype.toString.call(maker))
  return () => (isClass ? Reflect.construct(maker, []) : maker()) as StateMachine
}

function codecIn(found: Readonly<Record<string, unknown>>, name: string | undefined): Codec<unknown> {
  if (name === undefined) return jsonCodec()
  const codec = found[name]
  if (codec === undefined) throw new Error(`the module exports no codec named ${name}`)
  return codec as Codec<unknown>
}

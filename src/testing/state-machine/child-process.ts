/** The same logs in another process, under another time zone and locale, where also what never ends can be ended. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { ExpectedRun } from './check-log.ts'
import { formatBytes } from './check-log.ts'
import type { ChildMessage, ChildRequest } from './child-process-main.ts'
import { CHILD_MODULE } from './child-process-main.ts'
import { MachineFault } from './machine-fault.ts'

/** Where another process finds the machine. */
export interface MachineModule {
  /** The URL of a module that can be imported by itself: `new URL('./locks.ts', import.meta.url).href`. */
  readonly module: string
  /** What it exports: a class, or a function that makes a machine. */
  readonly machine: string
  /** Exports too, where it is not JSON. */
  readonly codec?: string | undefined
  readonly resultCodec?: string | undefined
  /** Options of Node for it; those of this process, unless said otherwise. */
  readonly execArgv?: readonly string[] | undefined
}

/** What came of a log there: its course, or what was thrown. */
export type ChildRun = ExpectedRun | { readonly threw: string; readonly number: number }

/** Unlike most. */
const TIME_ZONE = 'Pacific/Chatham'
const LOCALE = 'tr_TR.UTF-8'
/** For the process to start, and load the module. */
const START_TIMEOUT_MS = 30_000

/** Throws MachineFault if the machine does not come to an end with a command. */
export async function runInChildProcess(
  where: MachineModule,
  logs: readonly (readonly Buffer[])[],
  deadlineMs: number,
): Promise<readonly ChildRun[]> {
  const { module, machine, codec, resultCodec } = where
  const execArgv = where.execArgv ?? process.execArgv.filter((option) => !option.startsWith('--inspect'))
  const program = `import { answerAll } from ${JSON.stringify(CHILD_MODULE)}; await answerAll()`
  const child = spawn(process.execPath, [...execArgv, '--input-type=module', '--eval', program], {
    env: { ...process.env, TZ: TIME_ZONE, LANG: LOCALE, LC_ALL: LOCALE },
    stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
  })
  const stderr = text(child.stderr as Readable)
  const request: ChildRequest = { module, machine, codec, resultCodec, logs: logs.map((log) => log.map(base64)) }
  // It may be gone before it has read all: then it says why.
  child.stdin?.on('error', () => {})
  child.stdin?.end(JSON.stringify(request))
  const answers: ChildRun[] = []
  let last: ChildMessage | undefined
  let isLate = false
  const late = (): void => {
    isLate = true
    child.kill('SIGKILL')
  }
  let timer = setTimeout(late, START_TIMEOUT_MS)
  for await (const line of createInterface({ input: child.stdio[3] as Readable })) {
    clearTimeout(timer)
    timer = setTimeout(late, deadlineMs)
    last = JSON.parse(line) as ChildMessage
    if (last.type === 'ended') answers[last.log] = { results: last.results.map(bytes), finalSnapshot: bytes(last.end) }
    if (last.type === 'threw') answers[last.log] = { threw: last.words, number: last.number }
  }
  clearTimeout(timer)
  if (isLate && last?.type === 'begins') throw childTimeout(last, logs[last.log]?.length ?? 0, deadlineMs)
  if (answers.length < logs.length) throw new Error(`the other process could not try ${module}: ${await stderr}`)
  return answers
}

/** Throws MachineFault if what came of a log there is not what comes of it here. */
export function checkChildRun(here: ExpectedRun, there: ChildRun): void {
  const advice = `It had TZ=${TIME_ZONE} and LC_ALL=${LOCALE}, and another time of day: look for what is neither in the commands nor in the state.`
  const fault = (number: number, what: string): MachineFault =>
    new MachineFault('another process', number, `${what} ${advice}`)
  if ('threw' in there) throw fault(there.number, `in another process the machine threw ${there.threw}.`)
  for (const [offset, result] of here.results.entries()) {
    const other = there.results[offset] as Buffer
    if (!result.equals(other))
      throw fault(
        offset + 1,
        `command ${offset + 1} has the result ${formatBytes(result)} in this process, and ${formatBytes(other)} in another one.`,
      )
  }
  if (!here.finalSnapshot.equals(there.finalSnapshot))
    throw fault(
      here.results.length,
      `after ${here.results.length} commands the snapshot is ${formatBytes(here.finalSnapshot)} in this process, and ${formatBytes(there.finalSnapshot)} in another one.`,
    )
}

/** What never ends, and in which log. */
export class ChildTimeout extends MachineFault {
  readonly log: number

  constructor(log: number, commands: number, message: string) {
    super('settles', commands, message)
    this.log = log
  }
}

function childTimeout(
  { log, number }: ChildMessage & { readonly type: 'begins' },
  commands: number,
  deadlineMs: number,
): ChildTimeout {
  const doing = number > commands ? `snapshot() after command ${commands}` : `apply() of command ${number}`
  return new ChildTimeout(
    log,
    Math.min(number, commands),
    `${doing} did not end within ${deadlineMs} ms (deadlineMs) in another process: every node would hang there, and nothing can interrupt it. Look for an endless loop.`,
  )
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64')
}

function bytes(base64: string): Buffer {
  return Buffer.from(base64, 'base64')
}

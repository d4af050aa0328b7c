/** Runs logs in a child process with a different time zone and locale. A call that never returns can be killed there. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { Codec } from '../../contracts/state-machine.ts'
import type { ExpectedRun } from './check-run.ts'
import type { ChildMessage, ChildRequest } from './child-process-main.ts'
import { CHILD_MODULE, OTHER_HOST } from './child-process-main.ts'
import { formatBoth } from './format-bytes.ts'
import { MachineFault } from './machine-fault.ts'

/** The module from which a child process loads the state machine. */
export interface MachineModule {
  /** The URL of a module that can be imported on its own: `new URL('./locks.ts', import.meta.url).href`. */
  readonly module: string
  /** The name of an exported class, or of a function that creates a machine. */
  readonly machine: string
  /** The names of exported codecs. JSON by default. */
  readonly codec?: string | undefined
  readonly resultCodec?: string | undefined
  /** Node.js options of the child process. By default those of this process. */
  readonly execArgv?: readonly string[] | undefined
}

/** The result of a log in the child process: the run, or what was thrown at which command. */
export type ChildRun = ExpectedRun | { readonly threw: string; readonly number: number }

/** Chosen to differ from the settings of most machines. */
const TIME_ZONE = 'Pacific/Chatham'
const LOCALE = 'tr_TR.UTF-8'
const NAMES = { USER: 'another-user', LOGNAME: 'another-user', USERNAME: 'another-user', HOSTNAME: OTHER_HOST }
/** The time allowed for the process to start and load the module. */
const START_TIMEOUT_MS = 30_000

/** Throws a ChildTimeout if a call into the machine takes longer than `deadlineMs`. */
export async function runInChildProcess(
  target: MachineModule,
  logs: readonly (readonly Buffer[])[],
  deadlineMs: number,
): Promise<readonly ChildRun[]> {
  const { module, machine, codec, resultCodec } = target
  const execArgv = target.execArgv ?? process.execArgv.filter((option) => !option.startsWith('--inspect'))
  const program = `import { runChild } from ${JSON.stringify(CHILD_MODULE)}; await runChild()`
  const child = spawn(process.execPath, [...execArgv, '--input-type=module', '--eval', program], {
    env: { ...process.env, TZ: TIME_ZONE, LANG: LOCALE, LC_ALL: LOCALE, ...NAMES },
    stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
  })
  const stderr = text(child.stderr as Readable)
  const request: ChildRequest = { module, machine, codec, resultCodec, logs: logs.map((log) => log.map(base64)) }
  // The process may exit before it has read everything. Its stderr then has the reason.
  child.stdin?.on('error', () => {})
  child.stdin?.end(JSON.stringify(request))
  const runs: ChildRun[] = []
  let last: ChildMessage | undefined
  let isLate = false
  const kill = (): void => {
    isLate = true
    child.kill('SIGKILL')
  }
  let timer = setTimeout(kill, START_TIMEOUT_MS)
  for await (const line of createInterface({ input: child.stdio[3] as Readable })) {
    clearTimeout(timer)
    timer = setTimeout(kill, deadlineMs)
    last = JSON.parse(line) as ChildMessage
    if (last.type === 'ended') runs[last.log] = { results: last.results.map(bytes), finalSnapshot: bytes(last.end) }
    if (last.type === 'threw') runs[last.log] = { threw: last.error, number: last.number }
  }
  clearTimeout(timer)
  if (isLate && last?.type === 'begins') throw childTimeout(last, logs[last.log]?.length ?? 0, deadlineMs)
  if (runs.length < logs.length) throw new Error(`the child process could not run ${module}: ${await stderr}`)
  return runs
}

/** Throws a MachineFault if a log has a different result in the child process. */
export function checkChildRun(here: ExpectedRun, there: ChildRun, codec: Pick<Codec<unknown>, 'decode'>): void {
  const advice = `The child process ran with TZ=${TIME_ZONE} and LC_ALL=${LOCALE}, under another user and host name, and at a different time: look for input that is neither in the commands nor in the state, such as a variable of the module, or what the module read while it was loaded.`
  const fault = (number: number, what: string): MachineFault =>
    new MachineFault('another process', number, `${what} ${advice}`)
  if ('threw' in there) throw fault(there.number, `in a child process the machine threw ${there.threw}.`)
  for (const [offset, result] of here.results.entries()) {
    const other = there.results[offset] as Buffer
    if (!result.equals(other))
      throw fault(
        offset + 1,
        `command ${offset + 1} returns ${formatBoth(result, other, (encoded) => codec.decode(encoded)).join(' in this process and ')} in a child process.`,
      )
  }
  if (!here.finalSnapshot.equals(there.finalSnapshot))
    throw fault(
      here.results.length,
      `after ${here.results.length} commands the snapshot is ${formatBoth(here.finalSnapshot, there.finalSnapshot).join(' in this process and ')} in a child process.`,
    )
}

/** A call into the machine that did not return in time, and the number of its log. */
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
  const call = number > commands ? `snapshot() after command ${commands}` : `apply() of command ${number}`
  return new ChildTimeout(
    log,
    Math.min(number, commands),
    `${call} did not return within ${deadlineMs} ms (deadlineMs) in a child process: every node would hang here, and nothing can interrupt it. Look for an endless loop.`,
  )
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64')
}

function bytes(base64: string): Buffer {
  return Buffer.from(base64, 'base64')
}

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
import type { OtherRun } from './machine-fault.ts'
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

/** Chosen to differ from the settings of most machines. */
const TIME_ZONE = 'Pacific/Chatham'
const LOCALE = 'tr_TR.UTF-8'
const NAMES = { USER: 'another-user', LOGNAME: 'another-user', USERNAME: 'another-user', HOSTNAME: OTHER_HOST }
/** The time allowed for the process to start and load the module. */
const START_TIMEOUT_MS = 30_000

/** Runs the logs, the later ones only if the earlier ones ended. Throws a ChildTimeout if a call into the machine takes longer than `deadlineMs`. */
export async function runInChildProcess(
  target: MachineModule,
  logs: readonly (readonly Buffer[])[],
  deadlineMs: number,
): Promise<readonly OtherRun[]> {
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
  const runs: OtherRun[] = []
  let last: ChildMessage | undefined
  let results: Buffer[] = []
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
    if (last.type === 'begins') {
      if (last.result !== undefined) results.push(bytes(last.result))
      continue
    }
    runs.push({
      results,
      finalSnapshot: last.type === 'ended' ? bytes(last.snapshot) : undefined,
      threw: last.type === 'threw' ? { number: last.number, error: last.error } : undefined,
    })
    results = []
  }
  clearTimeout(timer)
  if (isLate && last?.type === 'begins')
    throw new ChildTimeout(runs.length, logs[runs.length]?.length ?? 0, results, deadlineMs)
  if (runs.length < logs.length) throw new Error(`the child process could not run ${module}: ${await stderr}`)
  return runs
}

/** Throws a MachineFault if a log has a different result in the child process. */
export function checkChildRun(here: ExpectedRun, there: OtherRun, codec: Pick<Codec<unknown>, 'decode'>): void {
  const advice = `The child process ran with TZ=${TIME_ZONE} and LC_ALL=${LOCALE}, under another user and host name, and at a different time: look for input that is neither in the commands nor in the state, such as a variable of the module, or what the module read while it was loaded.`
  const fault = (number: number, what: string): MachineFault =>
    new MachineFault('another process', number, `${what} ${advice}`)
  for (const [offset, result] of here.results.entries()) {
    const other = there.results[offset]
    if (other !== undefined && !result.equals(other))
      throw fault(
        offset + 1,
        `command ${offset + 1} returns ${formatBoth(result, other, (encoded) => codec.decode(encoded)).join(' in this process and ')} in a child process.`,
      )
  }
  if (there.threw !== undefined)
    throw fault(there.threw.number, `in a child process the machine threw ${there.threw.error}.`)
  const { finalSnapshot } = there
  if (finalSnapshot !== undefined && !here.finalSnapshot.equals(finalSnapshot))
    throw fault(
      here.results.length,
      `after ${here.results.length} commands the snapshot is ${formatBoth(here.finalSnapshot, finalSnapshot).join(' in this process and ')} in a child process.`,
    )
}

/** A call into the machine that did not return in time: the number of its log, and how far that came. */
export class ChildTimeout extends MachineFault {
  readonly log: number
  readonly run: OtherRun

  constructor(log: number, commands: number, results: readonly Buffer[], deadlineMs: number) {
    const number = results.length + 1
    const call = number > commands ? `snapshot() after command ${commands}` : `apply() of command ${number}`
    super(
      'settles',
      Math.min(number, commands),
      `${call} did not return within ${deadlineMs} ms (deadlineMs) in a child process: every node would hang here, and nothing can interrupt it. Look for an endless loop.`,
    )
    this.log = log
    this.run = { results, finalSnapshot: undefined, threw: undefined }
  }
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64')
}

function bytes(base64: string): Buffer {
  return Buffer.from(base64, 'base64')
}

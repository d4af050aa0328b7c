/** One node of the demo as a child process. */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { NodeEvent } from '../../contracts/observer.ts'
import type { FeedMessage } from '../../http/dashboard/feed-message.ts'
import type { NodeReport } from '../serve/serve.ts'
import type { PlannedNode } from './demo-plan.ts'

const EXTENSION = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const MAIN = fileURLToPath(new URL(`../main.${EXTENSION}`, import.meta.url))

export interface ProcessExit {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  /** True if the demo did not stop this process. */
  readonly isUnexpected: boolean
}

export interface NodeProcessOptions {
  readonly planned: PlannedNode
  /** The arguments after `quorate serve`. */
  readonly args: readonly string[]
  readonly onEvent: (event: NodeEvent) => void
  /** Where it serves metrics, checks and its dashboard. */
  readonly onHttp: (address: string) => void
  /** What its dashboard shows. */
  readonly onShown: (message: FeedMessage) => void
  readonly onExit: (exit: ProcessExit) => void
}

export class NodeProcess {
  readonly planned: PlannedNode
  readonly #child: ChildProcess
  readonly #exited: Promise<void>
  #isAlive = true
  #isStopping = false

  constructor({ planned, args, onEvent, onHttp, onShown, onExit }: NodeProcessOptions) {
    this.planned = planned
    const log = openSync(planned.logFile, 'a')
    // Its own process group: Ctrl-C in the terminal reaches only the demo, which then stops the nodes gracefully.
    this.#child = spawn(process.execPath, [...process.execArgv, MAIN, 'serve', '--supervised', ...args], {
      stdio: ['ignore', 'ignore', log, 'ipc'],
      env: withoutTls(process.env),
      detached: true,
    })
    closeSync(log)
    this.#child.on('message', (report: NodeReport) => {
      if ('event' in report) onEvent(report.event)
      else if (!('shown' in report)) onHttp(report.http)
      // A message may arrive after the exit.
      else if (this.#isAlive) onShown(report.shown)
    })
    this.#exited = new Promise((resolve) => {
      const end = (exitCode: number | null, signal: NodeJS.Signals | null): void => {
        if (!this.#isAlive) return
        this.#isAlive = false
        onExit({ exitCode, signal, isUnexpected: !this.#isStopping })
        resolve()
      }
      this.#child.once('exit', end)
      this.#child.once('error', () => end(null, null))
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  /** Sends SIGKILL and waits for the exit. */
  async kill(): Promise<void> {
    this.killNow()
    await this.#exited
  }

  /** Sends SIGKILL without waiting, for the exit handler of this process. */
  killNow(): void {
    this.#isStopping = true
    if (this.#isAlive) this.#child.kill('SIGKILL')
  }

  /** Sends SIGTERM, and SIGKILL if the process has not exited after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true
    if (!this.#isAlive) return
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.killNow(), graceMs)
    await this.#exited
    clearTimeout(timer)
  }

  /** The error at the end of its log file, or the last line if there is none. */
  lastError(): string {
    const lines = readFileSync(this.planned.logFile, 'utf8').trimEnd().split('\n')
    const from = lines.findLastIndex((line) => line.startsWith('error'))
    return from === -1 ? (lines.at(-1) ?? '') : lines.slice(from).join('\n')
  }
}

/** The variables for TLS are for clients of other clusters: the demo connects without it. */
function withoutTls(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !name.startsWith('QUORATE_TLS_') && name !== 'QUORATE_CLUSTER_SECRET_FILE'),
  )
}

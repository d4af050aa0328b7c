/** One node of the demo as a child process: started, killed, stopped, and never left behind. */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { NodeEvent } from '../../contracts/observer.ts'
import type { NodeReport } from '../serve/serve.ts'
import type { PlannedNode } from './demo-plan.ts'

const EXTENSION = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const MAIN = fileURLToPath(new URL(`../main.${EXTENSION}`, import.meta.url))

/** How a process ended. */
export interface ProcessExit {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  /** Nobody here asked for it. */
  readonly isUnexpected: boolean
}

export interface NodeProcessOptions {
  readonly planned: PlannedNode
  /** The words after `quorate serve`. */
  readonly args: readonly string[]
  readonly onEvent: (event: NodeEvent) => void
  readonly onExit: (ending: ProcessExit) => void
}

export class NodeProcess {
  readonly planned: PlannedNode
  readonly #child: ChildProcess
  readonly #exited: Promise<void>
  #isAlive = true
  #isStopping = false

  constructor({ planned, args, onEvent, onExit }: NodeProcessOptions) {
    this.planned = planned
    const log = openSync(planned.logFile, 'a')
    // A group of its own: the terminal's Ctrl-C reaches this process only, which then stops the nodes one after the other.
    this.#child = spawn(process.execPath, [...process.execArgv, MAIN, 'serve', '--supervised', ...args], {
      stdio: ['ignore', 'ignore', log, 'ipc'],
      detached: true,
    })
    closeSync(log)
    this.#child.on('message', (report: NodeReport) => onEvent(report.event))
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

  /** At once, as a power cut would. */
  async kill(): Promise<void> {
    this.killNow()
    await this.#exited
  }

  /** For the last moment of this process, when nothing can be waited for. */
  killNow(): void {
    this.#isStopping = true
    if (this.#isAlive) this.#child.kill('SIGKILL')
  }

  /** In order; and by force if that takes longer than `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true
    if (!this.#isAlive) return
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.killNow(), graceMs)
    await this.#exited
    clearTimeout(timer)
  }

  /** What it wrote last that is not a line of its event log: the error it ended with. */
  lastError(): string {
    const lines = readFileSync(this.planned.logFile, 'utf8').trimEnd().split('\n')
    const from = lines.findLastIndex((line) => line.startsWith('error'))
    return from === -1 ? (lines.at(-1) ?? '') : lines.slice(from).join('\n')
  }
}

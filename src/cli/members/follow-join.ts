/** Follows a new member until it has caught up: with a bar on a terminal, otherwise with a line every few seconds, or JSON. */
import { setTimeout as wait } from 'node:timers/promises'
import { Presets, SingleBar } from 'cli-progress'
import type { RaftError } from '../../errors.ts'
import type { ClientSettings } from '../client-settings.ts'
import { CommandFailure } from '../command-failure.ts'
import { readStatus } from '../commands/status.ts'
import { EXIT } from '../exit-codes.ts'
import type { StatusReport } from '../status/status-report.ts'
import type { Terminal } from '../terminal.ts'
import type { JoinProgress, Measured } from './join-progress.ts'
import { formatProgress, JoinRate, joinProgress } from './join-progress.ts'

const POLL_MS = 500
const LINE_MS = 5000

export interface FollowOptions {
  readonly id: string
  /** What to wait for. */
  readonly until: 'caught up' | 'voter'
  readonly waitMs: number
  /**
   * Asks the leader, which alone decides whether the member is ready: with the status, each time that the member is connected and fetches no snapshot.
   * Undefined once it is ready, or the reason why not yet. Default: what the status shows.
   */
  readonly whyNotReady?: (report: StatusReport) => Promise<RaftError | undefined>
}

/** Fails, with the stage that was reached, if it takes longer than `waitMs`: the member keeps catching up. */
export async function followJoin(
  { settings, terminal }: { readonly settings: ClientSettings; readonly terminal: Terminal },
  { id, until, waitMs, whyNotReady }: FollowOptions,
): Promise<void> {
  const rate = new JoinRate()
  const deadline = performance.now() + waitMs
  const printer = new Printer(settings, terminal)
  let reason: RaftError | undefined
  try {
    for (;;) {
      const now = performance.now()
      const report = await readStatus(settings)
      const progress = joinProgress(report, id)
      const measured = rate.measure(now, progress)
      let isDone = progress.stage === until || progress.stage === 'voter'
      if (whyNotReady !== undefined && progress.stage !== 'not connected' && progress.stage !== 'snapshot') {
        reason = await whyNotReady(report)
        isDone = reason === undefined
      }
      if (isDone) printer.stop()
      printer.print(isDone, { id, progress, measured })
      if (isDone) return
      if (now >= deadline) throw notInTime(id, until, waitMs, progress, reason)
      await wait(POLL_MS)
    }
  } finally {
    printer.stop()
  }
}

interface Report {
  readonly id: string
  readonly progress: JoinProgress
  readonly measured: Measured
}

class Printer {
  readonly #settings: ClientSettings
  readonly #terminal: Terminal
  #printedAt = -Infinity
  #last = ''
  #bar: SingleBar | undefined

  constructor(settings: ClientSettings, terminal: Terminal) {
    this.#settings = settings
    this.#terminal = terminal
    if (settings.format === 'json' || process.stderr.isTTY !== true) return
    this.#bar = new SingleBar({ format: '  {bar} {line}', clearOnComplete: true }, Presets.shades_classic)
    this.#bar.start(1, 0, { line: '' })
  }

  /** Removes the bar. */
  stop(): void {
    this.#bar?.stop()
    this.#bar = undefined
  }

  print(isLast: boolean, { id, progress, measured }: Report): void {
    const line = formatProgress(id, progress, measured)
    if (this.#settings.format === 'json') {
      const facts = JSON.stringify({ schema: 'quorate.join/v1', id, ...progress, ...measured })
      if (facts !== this.#last) this.#terminal.out(`${facts}\n`)
      this.#last = facts
    } else if (this.#bar !== undefined) {
      this.#bar.update(measured.done, { line })
    } else if (isLast || (line !== this.#last && performance.now() - this.#printedAt >= LINE_MS)) {
      this.#terminal.err(`${line}\n`)
      this.#printedAt = performance.now()
      this.#last = line
    }
  }
}

function notInTime(
  id: string,
  until: string,
  waitMs: number,
  { stage, behind }: JoinProgress,
  reason: RaftError | undefined,
): CommandFailure {
  const lag = behind === undefined ? '' : `, ${behind} entries behind`
  const reached =
    stage === 'not connected'
      ? `${id} is not connected to the leader`
      : (reason?.message ?? `${id} is at the stage '${stage}'${lag}`)
  return new CommandFailure(
    `${id} is not ${until === 'voter' ? 'a voter' : until} after ${Math.round(waitMs / 1000)} s: ${reached}`,
    {
      exitCode: EXIT.noLeader,
      hint: 'the change stays in force, and the member continues: run the command again, or see `quorate status`',
    },
  )
}

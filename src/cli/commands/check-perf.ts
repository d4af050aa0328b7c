/** `quorate check perf`: whether the timeouts fit the delays of a running cluster, or of this machine before it has a node. */
import { RAFT_DEFAULTS } from '../../core/options.ts'
import type { ClientSettings } from '../client-settings.ts'
import { EXIT } from '../exit-codes.ts'
import { withClient } from '../kv-client.ts'
import { measureCluster } from '../perf/measure-cluster.ts'
import { measureMachine } from '../perf/measure-machine.ts'
import type { PerfReport, Timeouts, Verdict } from '../perf/verdicts.ts'
import { checkTimeouts, reasonOf, timeoutFlags } from '../perf/verdicts.ts'
import { plainTable } from '../plain-table.ts'
import { progressBar } from '../progress-bar.ts'
import type { Terminal } from '../terminal.ts'
import type { DurationRange } from '../text-values.ts'

export interface CheckPerfFlags {
  readonly duration: number
  readonly dataDir?: string
  readonly peers?: readonly string[]
  readonly electionTimeout?: DurationRange
  readonly heartbeat?: number
}

interface CommandContext {
  readonly settings: ClientSettings
  readonly terminal: Terminal
}

/** Exits with 1 if a timeout does not fit, or a node did not report. */
export async function checkPerf({ settings, terminal }: CommandContext, flags: CheckPerfFlags): Promise<number> {
  const { format } = settings
  const bar = progressBar(format, 'measured')
  try {
    const { measurements, silent } = await measure(settings, flags, (doneMs) => bar.update(doneMs, flags.duration))
    bar.stop()
    const report = checkTimeouts(measurements)
    terminal.out(format === 'json' ? formatJson(report, silent) : formatText(report, silent))
    return report.proposal === undefined && silent.length === 0 ? EXIT.ok : EXIT.failure
  } finally {
    bar.stop()
  }
}

async function measure(
  settings: ClientSettings,
  { duration, dataDir, peers = [], electionTimeout, heartbeat }: CheckPerfFlags,
  onProgress: (doneMs: number) => void,
): ReturnType<typeof measureCluster> {
  if (dataDir === undefined)
    return withClient(settings, ({ raftClient }) =>
      measureCluster(raftClient, { durationMs: duration, timeoutMs: settings.timeoutMs, onProgress }),
    )
  const timeouts: Timeouts = {
    heartbeatIntervalMs: heartbeat ?? RAFT_DEFAULTS.heartbeatIntervalMs,
    electionTimeoutMinMs: electionTimeout?.min ?? RAFT_DEFAULTS.electionTimeoutMinMs,
    electionTimeoutMaxMs: electionTimeout?.max ?? RAFT_DEFAULTS.electionTimeoutMaxMs,
  }
  const measurements = await measureMachine({ directory: dataDir, peers, timeouts, durationMs: duration, onProgress })
  return { measurements, silent: [] }
}

function formatJson({ verdicts, proposal }: PerfReport, silent: readonly string[]): string {
  return `${JSON.stringify({ schema: 'quorate.perf/v1', isPassed: proposal === undefined && silent.length === 0, verdicts, silent, proposal: proposal ?? null })}\n`
}

export function formatText({ verdicts, proposal }: PerfReport, silent: readonly string[]): string {
  const missing = silent.map((name) => `FAIL  ${name} does not answer, or reports no timeouts`)
  return [plainTable(verdicts.map(cellsOf)), ...missing, conclusion({ verdicts, proposal }, silent), ''].join('\n')
}

function cellsOf(verdict: Verdict): string[] {
  const { isPassed, where, what, longestMs, medianMs, limitMs } = verdict
  const median = medianMs === undefined ? '' : ` (median ${formatMs(medianMs)})`
  const reason = isPassed ? '' : `: ${reasonOf(verdict)}`
  return [isPassed ? 'PASS' : 'FAIL', where, what, `${formatMs(longestMs)}${median}`, `at most ${limitMs} ms${reason}`]
}

function conclusion({ verdicts, proposal }: PerfReport, silent: readonly string[]): string {
  const used = [...new Set(verdicts.map(({ timeouts }) => timeoutFlags(timeouts)))].join('; ')
  if (proposal === undefined && silent.length > 0)
    return `The timeouts fit what was measured: ${used}\nCheck again once every node reports`
  if (proposal === undefined) return `The timeouts fit: ${used}`
  return `The timeouts do not fit: ${used}
Find out what causes the delay, or start every node with ${timeoutFlags(proposal)}
If the delay comes and goes, --election-timeout-limit (electionTimeoutLimitMs) lets followers wait longer while it lasts`
}

function formatMs(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`
}

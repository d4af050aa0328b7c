/** `quorate status`: one line for the cluster and one row per node. The exit code shows whether there is a leader and a quorum. */
import type { ClientSettings } from '../client-settings.ts'
import { EXIT } from '../exit-codes.ts'
import { withClient } from '../kv-client.ts'
import { collectStatus } from '../status/collect-status.ts'
import type { StatusReport } from '../status/status-report.ts'
import { formatStatus } from '../status/status-text.ts'
import type { Terminal } from '../terminal.ts'

export async function status(settings: ClientSettings, terminal: Terminal): Promise<number> {
  const report = await readStatus(settings)
  if (settings.format === 'json') terminal.out(`${JSON.stringify(report)}\n`)
  else terminal.out(formatStatus(report))
  return exitCodeOfReport(report)
}

export function exitCodeOfReport(report: StatusReport): number {
  return report.leader !== undefined && report.hasQuorum ? EXIT.ok : EXIT.noLeader
}

/** Waits at most half the timeout for each node, so that one silent node does not fail the command. */
export async function readStatus(settings: ClientSettings): Promise<StatusReport> {
  const timeoutMs = Math.min(2000, settings.timeoutMs / 2)
  return withClient(settings, ({ raftClient }) => collectStatus(raftClient, timeoutMs))
}

/** status: the cluster in one line, each node in one row; what is wrong is in the exit code too. */
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
  return report.leader !== undefined && report.hasQuorum ? EXIT.ok : EXIT.noLeader
}

/** A node that does not answer must not use up the patience of who asks: half the timeout, at most. */
export async function readStatus(settings: ClientSettings): Promise<StatusReport> {
  const timeoutMs = Math.min(2000, settings.timeoutMs / 2)
  return withClient(settings, ({ raftClient }) => collectStatus(raftClient, timeoutMs))
}

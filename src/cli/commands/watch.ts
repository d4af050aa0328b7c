/** `quorate watch`: prints the status once, and then each change of it, until it is interrupted. */
import { setTimeout as wait } from 'node:timers/promises'
import { isRaftError } from '../../errors.ts'
import type { ClientSettings } from '../client-settings.ts'
import { withClient } from '../kv-client.ts'
import { collectStatus } from '../status/collect-status.ts'
import { statusChanges } from '../status/status-changes.ts'
import type { StatusReport } from '../status/status-report.ts'
import { formatStatus } from '../status/status-text.ts'
import type { Terminal } from '../terminal.ts'

export interface WatchFlags {
  readonly interval: number
}

/** Ends when `signal` is aborted. The first status must be available; later ones may be missing for a while. */
export async function watch(
  { settings, terminal }: { readonly settings: ClientSettings; readonly terminal: Terminal },
  { interval }: WatchFlags,
  signal: AbortSignal,
): Promise<void> {
  const timeoutMs = Math.min(2000, settings.timeoutMs / 2)
  await withClient(settings, async ({ raftClient }) => {
    let last = await collectStatus(raftClient, timeoutMs)
    terminal.out(settings.format === 'json' ? jsonLine(last, []) : formatStatus(last))
    let isLost = false
    while (!signal.aborted) {
      await wait(interval, undefined, { signal }).catch(() => undefined)
      if (signal.aborted) return
      try {
        const next = await collectStatus(raftClient, timeoutMs)
        const changes = [...(isLost ? ['nodes answer again'] : []), ...statusChanges(last, next)]
        print(changes, next)
        last = next
        isLost = false
      } catch (error) {
        if (!isRaftError(error, 'ERR_RAFT_UNREACHABLE')) throw error
        if (!isLost) print(['no node answers'], undefined)
        isLost = true
      }
    }
  })

  function print(changes: readonly string[], report: StatusReport | undefined): void {
    if (changes.length === 0) return
    if (settings.format === 'json') terminal.out(jsonLine(report, changes))
    else terminal.out(changes.map((line) => `${new Date().toISOString()}  ${line}\n`).join(''))
  }
}

function jsonLine(status: StatusReport | undefined, changes: readonly string[]): string {
  return `${JSON.stringify({ schema: 'quorate.watch/v1', time: new Date().toISOString(), changes, status: status ?? null })}\n`
}

/** The commands `leader transfer` and `snapshot take`. */
import type { ClientSettings } from '../client-settings.ts'
import { CommandFailure } from '../command-failure.ts'
import { EXIT } from '../exit-codes.ts'
import { withClient } from '../kv-client.ts'
import type { Terminal } from '../terminal.ts'
import { readStatus } from './status.ts'

interface CommandContext {
  readonly settings: ClientSettings
  readonly terminal: Terminal
}

export async function leaderTransfer(
  context: CommandContext,
  flags: { readonly to?: string; readonly force?: boolean },
): Promise<void> {
  await withClient(context.settings, async (cluster) => {
    const { leader } = await cluster.raftClient.transferLeadership({ to: flags.to, force: flags.force })
    if (leader === undefined || (flags.to !== undefined && leader !== flags.to))
      throw new CommandFailure(`leadership was not transferred; the leader is ${leader ?? 'not known yet'}`, {
        exitCode: EXIT.noLeader,
        hint: 'check `quorate status` and try again',
      })
    print(context, { schema: 'quorate.leader/v1', leader }, `${leader} leads`)
  })
}

/** Without --timeout a snapshot may take as long as it needs, so this first checks that a node responds. */
export async function snapshotTake(context: CommandContext): Promise<void> {
  const { settings } = context
  await readStatus(settings)
  await withClient(settings, async (cluster) => {
    const limit = settings.isTimeoutGiven ? { timeoutMs: settings.timeoutMs } : {}
    const { id, index, term, size } = await cluster.raftClient.takeSnapshot(limit)
    const text = `snapshot ${id} at index ${index}, term ${term}, ${size} bytes`
    print(context, { schema: 'quorate.snapshot/v1', id, index, term, size }, text)
  })
}

function print({ settings, terminal }: CommandContext, facts: object, text: string): void {
  terminal.out(`${settings.format === 'json' ? JSON.stringify(facts) : text}\n`)
}

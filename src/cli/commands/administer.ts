/** The commands `leader transfer` and `snapshot take`. */
import type { ClientSettings } from '../client-settings.ts'
import { CommandFailure } from '../command-failure.ts'
import { EXIT } from '../exit-codes.ts'
import { withClient } from '../kv-client.ts'
import { confirm } from '../members/confirm.ts'
import { quorumPreview } from '../members/quorum-preview.ts'
import type { Terminal } from '../terminal.ts'
import { readStatus } from './status.ts'

interface CommandContext {
  readonly settings: ClientSettings
  readonly terminal: Terminal
}

export interface TransferFlags {
  readonly to?: string
  readonly force?: boolean
  readonly yes?: boolean
}

/** Asks before it forces a transfer to a voter that should not lead now. */
export async function leaderTransfer(context: CommandContext, flags: TransferFlags): Promise<void> {
  if (flags.force === true) await confirmForce(context, flags)
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

async function confirmForce({ settings, terminal }: CommandContext, { to, yes }: TransferFlags): Promise<void> {
  const { leader = 'no node', nodes } = await readStatus(settings)
  const voters = nodes.filter(({ kind }) => kind === 'voter').map(({ id }) => id)
  const next = to ?? 'another voter'
  const detail = { before: `${leader} leads`, after: `${next} leads` }
  terminal.err(quorumPreview({ before: voters, after: voters, detail }))
  await confirm(terminal, `transfer leadership to ${next}, even if it should not lead now?`, yes === true)
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

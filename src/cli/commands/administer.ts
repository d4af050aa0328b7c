/** The commands `member`, `leader` and `snapshot`. */
import type { MembershipChange } from '../../core/inputs.ts'
import type { ClientSettings } from '../client-settings.ts'
import { CommandFailure } from '../command-failure.ts'
import { EXIT } from '../exit-codes.ts'
import { withClient } from '../kv-client.ts'
import type { StatusReport } from '../status/status-report.ts'
import type { Terminal } from '../terminal.ts'
import { quorumPreview } from './quorum-preview.ts'
import { readStatus } from './status.ts'

interface CommandContext {
  readonly settings: ClientSettings
  readonly terminal: Terminal
}

export async function memberList({ settings, terminal }: CommandContext): Promise<void> {
  const report = await readStatus(settings)
  if (settings.format === 'json') {
    const members = report.nodes.map(({ id, kind, address, isReachable }) => ({ id, kind, address, isReachable }))
    terminal.out(`${JSON.stringify({ schema: 'quorate.members/v1', cluster: report.cluster, members })}\n`)
    return
  }
  for (const { id, kind, address, problem } of report.nodes)
    terminal.out(`${[id, kind, address, ...(problem === undefined ? [] : [problem])].join('\t')}\n`)
}

export interface AddFlags {
  readonly promote?: boolean
}

export async function memberAdd(context: CommandContext, id: string, address: string, flags: AddFlags): Promise<void> {
  const { settings, terminal } = context
  const isPromoted = flags.promote === true
  await changeMembership(context, { add: [{ id, address, promote: isPromoted }] }, `${id} is a learner at ${address}`)
  const report = await readStatus(settings)
  const endpoints = report.nodes.filter((node) => node.id !== id && node.isReachable).map((node) => node.address)
  terminal.err(`start it with:
  quorate serve --id ${id} --listen ${address} --join ${endpoints.join(',')} --data-dir ./quorate-data/${id}
${isPromoted ? 'it becomes a voter once it has caught up' : `once it has caught up, make it a voter with:\n  quorate member promote ${id}`}
`)
}

export async function memberUpdate(context: CommandContext, id: string, address: string): Promise<void> {
  await changeMembership(context, { move: [{ id, address }] }, `${id} is recorded at ${address}`)
}

export async function memberPromote(context: CommandContext, id: string): Promise<void> {
  await changeMembership(context, { promote: [id] }, `${id} is a voter`)
}

export async function memberRemove(
  context: CommandContext,
  id: string,
  flags: { readonly yes?: boolean },
): Promise<void> {
  const { settings, terminal } = context
  const report = await readStatus(settings)
  const before = votersOf(report)
  if (before.includes(id)) {
    terminal.err(quorumPreview({ before, after: before.filter((each) => each !== id) }))
    await confirm(terminal, `remove ${id}?`, flags.yes === true)
  }
  await changeMembership(context, { remove: [id] }, `${id} is removed`)
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

async function changeMembership(context: CommandContext, change: MembershipChange, done: string): Promise<void> {
  await withClient(context.settings, async (cluster) => {
    const { index } = await cluster.raftClient.changeMembership(change)
    print(context, { schema: 'quorate.change/v1', index, done }, `${done} (index ${index})`)
  })
}

function print({ settings, terminal }: CommandContext, facts: object, text: string): void {
  terminal.out(`${settings.format === 'json' ? JSON.stringify(facts) : text}\n`)
}

function votersOf(report: StatusReport): string[] {
  return report.nodes.filter((node) => node.kind === 'voter').map((node) => node.id)
}

async function confirm(terminal: Terminal, question: string, isSure: boolean): Promise<void> {
  if (isSure) return
  const answer = await terminal.ask(`${question} [y/N] `)
  if (answer === undefined)
    throw new CommandFailure('this needs a confirmation, but standard input is not a terminal', {
      exitCode: EXIT.usage,
      hint: 'pass --yes',
    })
  if (!/^y(es)?$/i.test(answer.trim())) throw new CommandFailure('nothing was changed')
}

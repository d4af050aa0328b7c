/** member, leader and snapshot: what an operator does to a running cluster. */
import type { MembershipChange } from '../../core/inputs.ts'
import type { ClientSettings } from '../client-settings.ts'
import { EXIT } from '../exit-codes.ts'
import { CommandFailure } from '../failure.ts'
import { withCluster } from '../kv-cluster.ts'
import type { StatusReport } from '../status/report.ts'
import type { Terminal } from '../terminal.ts'
import { quorumPreview } from './quorum-preview.ts'
import { readStatus } from './status.ts'

interface Asked {
  readonly settings: ClientSettings
  readonly terminal: Terminal
}

export async function memberList({ settings, terminal }: Asked): Promise<void> {
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

export async function memberAdd(asked: Asked, id: string, address: string, flags: AddFlags): Promise<void> {
  const { settings, terminal } = asked
  const isPromoted = flags.promote === true
  await change(asked, { add: [{ id, address, promote: isPromoted }] }, `${id} is a learner at ${address}`)
  const report = await readStatus(settings)
  const endpoints = report.nodes.filter((node) => node.id !== id && node.isReachable).map((node) => node.address)
  terminal.err(`start it with:
  quorate serve --id ${id} --listen ${address} --join ${endpoints.join(',')} --data-dir ./quorate-data/${id}
${isPromoted ? 'it votes as soon as it has caught up' : `once it has caught up, make it a voter with:\n  quorate member promote ${id}`}
`)
}

export async function memberPromote(asked: Asked, id: string): Promise<void> {
  await change(asked, { promote: [id] }, `${id} is a voter`)
}

export async function memberRemove(asked: Asked, id: string, flags: { readonly yes?: boolean }): Promise<void> {
  const { settings, terminal } = asked
  const report = await readStatus(settings)
  const before = votersOf(report)
  if (before.includes(id)) {
    terminal.err(quorumPreview({ before, after: before.filter((each) => each !== id) }))
    await confirm(terminal, `remove ${id}?`, flags.yes === true)
  }
  await change(asked, { remove: [id] }, `${id} is removed`)
}

export async function leaderTransfer(asked: Asked, flags: { readonly to?: string }): Promise<void> {
  await withCluster(asked.settings, async (cluster) => {
    const { leader } = await cluster.client.transferLeadership({ to: flags.to })
    if (leader === undefined || (flags.to !== undefined && leader !== flags.to))
      throw new CommandFailure(`leadership was not handed over; the leader is ${leader ?? 'not known yet'}`, {
        exitCode: EXIT.noLeader,
        hint: 'see `quorate status`, and try again',
      })
    show(asked, { schema: 'quorate.leader/v1', leader }, `${leader} leads`)
  })
}

/** As long as it takes, unless somebody has said how long; but first somebody must be there. */
export async function snapshotTake(asked: Asked): Promise<void> {
  const { settings } = asked
  await readStatus(settings)
  await withCluster(settings, async (cluster) => {
    const limit = settings.isTimeoutGiven ? { timeoutMs: settings.timeoutMs } : {}
    const { id, index, term, size } = await cluster.client.takeSnapshot(limit)
    const text = `snapshot ${id} at index ${index}, term ${term}, ${size} bytes`
    show(asked, { schema: 'quorate.snapshot/v1', id, index, term, size }, text)
  })
}

async function change(asked: Asked, wanted: MembershipChange, done: string): Promise<void> {
  await withCluster(asked.settings, async (cluster) => {
    const { index } = await cluster.client.changeMembership(wanted)
    show(asked, { schema: 'quorate.change/v1', index, done }, `${done} (index ${index})`)
  })
}

function show({ settings, terminal }: Asked, facts: object, text: string): void {
  terminal.out(`${settings.format === 'json' ? JSON.stringify(facts) : text}\n`)
}

function votersOf(report: StatusReport): string[] {
  return report.nodes.filter((node) => node.kind === 'voter').map((node) => node.id)
}

async function confirm(terminal: Terminal, question: string, isSure: boolean): Promise<void> {
  if (isSure) return
  const answer = await terminal.ask(`${question} [y/N] `)
  if (answer === undefined)
    throw new CommandFailure('this needs a confirmation, and there is nobody to ask', {
      exitCode: EXIT.usage,
      hint: 'say --yes',
    })
  if (!/^y(es)?$/i.test(answer.trim())) throw new CommandFailure('nothing was changed')
}

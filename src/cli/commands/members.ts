/** The commands `member …`: list the members, and change them one by one or several together. */
import type { MembershipChange } from '../../core/inputs.ts'
import type { NodeId } from '../../core/types.ts'
import { isRaftError } from '../../errors.ts'
import type { ClientSettings } from '../client-settings.ts'
import { CommandFailure } from '../command-failure.ts'
import { EXIT } from '../exit-codes.ts'
import { withClient } from '../kv-client.ts'
import { confirm } from '../members/confirm.ts'
import { followJoin } from '../members/follow-join.ts'
import { quorumPreview } from '../members/quorum-preview.ts'
import type { StatusReport } from '../status/status-report.ts'
import type { Terminal } from '../terminal.ts'
import { readStatus } from './status.ts'

interface CommandContext {
  readonly settings: ClientSettings
  readonly terminal: Terminal
}

interface YesFlag {
  readonly yes?: boolean
}

/** How often a change is tried again because the leader itself has changed the membership in the meantime. */
const ATTEMPTS_MAX = 5

export async function memberList({ settings, terminal }: CommandContext): Promise<void> {
  const report = await readStatus(settings)
  if (settings.format === 'json') {
    const members = report.nodes.map(({ id, kind, address, isReachable, metadata }) => ({
      ...{ id, kind, address, isReachable, metadata },
    }))
    terminal.out(`${JSON.stringify({ schema: 'quorate.members/v1', cluster: report.cluster, members })}\n`)
    return
  }
  for (const { id, kind, address, metadata, problem } of report.nodes) {
    const described = Object.entries(metadata).map(([name, text]) => `${name}=${text}`)
    terminal.out(`${[id, kind, address, ...described, ...(problem === undefined ? [] : [problem])].join('\t')}\n`)
  }
}

export interface AddFlags {
  readonly learner?: boolean
  readonly wait?: number
}

export async function memberAdd(context: CommandContext, id: string, address: string, flags: AddFlags): Promise<void> {
  const isLearner = flags.learner === true
  await change(context, await readStatus(context.settings), {
    request: { add: [{ id, address, promote: !isLearner }] },
    done: `${id} is a learner at ${address}`,
  })
  await printStart(context, id, address)
  context.terminal.err(
    isLearner
      ? `it stays a learner; make it a voter with:\n  quorate member promote ${id}\n`
      : 'it becomes a voter once it has caught up\n',
  )
  if (flags.wait !== undefined)
    await followJoin(context, { id, until: isLearner ? 'caught up' : 'voter', waitMs: flags.wait })
}

export async function memberUpdate(context: CommandContext, id: string, address: string): Promise<void> {
  const report = await readStatus(context.settings)
  await change(context, report, { request: { move: [{ id, address }] }, done: `${id} is recorded at ${address}` })
}

export async function memberPromote(context: CommandContext, id: string): Promise<void> {
  const report = await readStatus(context.settings)
  await change(context, report, { request: { promote: [id] }, done: `${id} is a voter` })
}

export async function memberDemote(context: CommandContext, id: string, flags: YesFlag): Promise<void> {
  const request = { demote: [id] }
  await changeConfirmed(context, { request, question: `demote ${id}?`, done: `${id} is a learner` }, flags)
}

export async function memberRemove(context: CommandContext, id: string, flags: YesFlag): Promise<void> {
  await changeConfirmed(
    context,
    { request: { remove: [id] }, question: `remove ${id}?`, done: `${id} is removed` },
    flags,
  )
}

export interface ReplaceFlags extends YesFlag {
  readonly wait: number
}

/**
 * Adds the new member as a learner, waits until it has caught up, and then makes it a voter and removes the old one in one joint change. May be
 * run again if it was interrupted: it continues.
 */
export async function memberReplace(
  context: CommandContext,
  { oldId, newId, address }: { readonly oldId: string; readonly newId: string; readonly address: string },
  flags: ReplaceFlags,
): Promise<void> {
  const report = await readStatus(context.settings)
  const kindOf = (id: string): string => report.nodes.find((node) => node.id === id)?.kind ?? 'not a member'
  if (kindOf(oldId) !== 'voter')
    throw new CommandFailure(
      `${oldId} is ${kindOf(oldId) === 'learner' ? 'a learner' : 'not a member'}: only a voter can be replaced`,
      {
        exitCode: EXIT.refused,
        hint: 'see `quorate member list`; remove a learner with `quorate member remove`',
      },
    )
  const voters = votersOf(report)
  context.terminal.err(quorumPreview({ before: voters, after: [...voters.filter((id) => id !== oldId), newId] }))
  await confirm(context.terminal, `replace ${oldId} by ${newId}?`, flags.yes === true)
  if (kindOf(newId) === 'not a member') {
    const request = { add: [{ id: newId, address }] }
    await change(context, report, { request, done: `${newId} is a learner at ${address}` })
    await printStart(context, newId, address)
  }
  if (kindOf(newId) !== 'voter') await followJoin(context, { id: newId, until: 'caught up', waitMs: flags.wait })
  const now = await readStatus(context.settings)
  const promote = votersOf(now).includes(newId) ? [] : [newId]
  await change(context, now, { request: { promote, remove: [oldId] }, done: `${newId} has replaced ${oldId}` })
}

export interface ChangeFlags extends YesFlag {
  readonly add?: Readonly<Record<string, string>>
  readonly learner?: readonly string[]
  readonly promote?: readonly string[]
  readonly demote?: readonly string[]
  readonly remove?: readonly string[]
}

/** Several changes at once, which take effect together. */
export async function memberChange(context: CommandContext, flags: ChangeFlags): Promise<void> {
  const { add = {}, learner = [], promote = [], demote = [], remove = [] } = flags
  const added = Object.entries(add).map(([id, address]) => ({ id, address, promote: !learner.includes(id) }))
  const stray = learner.find((id) => !Object.hasOwn(add, id))
  if (stray !== undefined)
    throw new CommandFailure(`--learner names ${stray}, which --add does not add`, { exitCode: EXIT.usage })
  const parts = [
    ...added.map(({ id }) => `add ${id}`),
    ...promote.map((id) => `promote ${id}`),
    ...demote.map((id) => `demote ${id}`),
    ...remove.map((id) => `remove ${id}`),
  ]
  if (parts.length === 0)
    throw new CommandFailure('nothing to change', {
      exitCode: EXIT.usage,
      hint: 'pass --add, --promote, --demote or --remove',
    })
  const what = parts.join(', ')
  await changeConfirmed(
    context,
    { request: { add: added, promote, demote, remove }, question: `${what}?`, done: what },
    flags,
  )
  for (const { id, address } of added) await printStart(context, id, address)
}

interface PlannedChange {
  readonly request: MembershipChange
  readonly done: string
}

/** Shows the voters before and after, and asks, if a voter is lost. */
async function changeConfirmed(
  context: CommandContext,
  planned: PlannedChange & { readonly question: string },
  flags: YesFlag,
): Promise<void> {
  const report = await readStatus(context.settings)
  const before = votersOf(report)
  const { promote = [], demote = [], remove = [] } = planned.request
  const lost = new Set([...demote, ...remove])
  const after = [...new Set([...before.filter((id) => !lost.has(id)), ...promote])]
  if (before.some((id) => lost.has(id))) {
    context.terminal.err(quorumPreview({ before, after }))
    await confirm(context.terminal, planned.question, flags.yes === true)
  }
  await change(context, report, planned)
}

/** Changes the membership only if it is the one of the report, which the operator has seen. What the leader records by itself meanwhile, such as a boot, does not count. */
async function change(context: CommandContext, seen: StatusReport, { request, done }: PlannedChange): Promise<void> {
  let ifIndex = seen.membershipIndex
  for (let attempt = 1; ; attempt++) {
    try {
      return await withClient(context.settings, async (cluster) => {
        const { index } = await cluster.raftClient.changeMembership({ ...request, ifIndex })
        print(context, { schema: 'quorate.change/v1', index, done }, `${done} (index ${index})`)
      })
    } catch (error) {
      if (!isRaftError(error, 'ERR_RAFT_MEMBERSHIP_CHANGED') || attempt === ATTEMPTS_MAX) throw error
      const now = await readStatus(context.settings)
      if (membersOf(now) !== membersOf(seen)) throw error
      ifIndex = now.membershipIndex
    }
  }
}

async function printStart({ settings, terminal }: CommandContext, id: string, address: string): Promise<void> {
  const report = await readStatus(settings)
  const endpoints = report.nodes.filter((node) => node.id !== id && node.isReachable).map((node) => node.address)
  terminal.err(`start it with:
  quorate serve --id ${id} --listen ${address} --join ${endpoints.join(',')} --data-dir ./quorate-data/${id}
`)
}

function print({ settings, terminal }: CommandContext, facts: object, text: string): void {
  terminal.out(`${settings.format === 'json' ? JSON.stringify(facts) : text}\n`)
}

function votersOf(report: StatusReport): NodeId[] {
  return report.nodes.filter((node) => node.kind === 'voter').map((node) => node.id)
}

/** Who is a member, as what, and where. */
function membersOf(report: StatusReport): string {
  const members = report.nodes.filter(({ kind }) => kind !== 'not a member')
  return JSON.stringify(members.map(({ id, kind, recordedAddress }) => [id, kind, recordedAddress]))
}

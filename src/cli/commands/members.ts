/** The commands `member …`: list the members, and change them one by one or several together. */
import type { MembershipChange } from '../../core/inputs.ts'
import type { NodeId } from '../../core/types.ts'
import type { RaftError } from '../../errors.ts'
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

export interface ChangingFlags {
  readonly yes?: boolean
  /** The index of the membership that the change is meant for. */
  readonly ifIndex?: number
}

/** How often a change is tried again because the leader itself has changed the membership in the meantime. */
const ATTEMPTS_MAX = 5

export async function memberList({ settings, terminal }: CommandContext): Promise<void> {
  const report = await readStatus(settings)
  if (settings.format === 'json') {
    const members = report.nodes.map(({ id, kind, address, isReachable, metadata }) => ({
      ...{ id, kind, address, isReachable, metadata },
    }))
    const { cluster, membershipIndex } = report
    terminal.out(`${JSON.stringify({ schema: 'quorate.members/v1', cluster, membershipIndex, members })}\n`)
    return
  }
  for (const { id, kind, address, metadata, problem } of report.nodes) {
    const described = Object.entries(metadata).map(([name, text]) => `${name}=${text}`)
    terminal.out(`${[id, kind, address, ...described, ...(problem === undefined ? [] : [problem])].join('\t')}\n`)
  }
  terminal.out(`membership index\t${report.membershipIndex}\n`)
}

export interface AddFlags extends ChangingFlags {
  readonly learner?: boolean
  readonly wait?: number
}

export async function memberAdd(context: CommandContext, id: string, address: string, flags: AddFlags): Promise<void> {
  const isLearner = flags.learner === true
  const request = { add: [{ id, address, promote: !isLearner }] }
  await changeConfirmed(context, { request, question: `add ${id}?`, done: `${id} is a learner at ${address}` }, flags)
  await printStart(context, id, address)
  context.terminal.err(
    isLearner
      ? `it stays a learner; make it a voter with:\n  quorate member promote ${id}\n`
      : 'it becomes a voter once it has caught up\n',
  )
  if (flags.wait !== undefined)
    await followJoin(context, { id, until: isLearner ? 'caught up' : 'voter', waitMs: flags.wait })
}

export async function memberUpdate(
  context: CommandContext,
  id: string,
  address: string,
  flags: ChangingFlags,
): Promise<void> {
  await changeConfirmed(
    context,
    {
      ...{ request: { move: [{ id, address }] }, question: `record ${id} at ${address}?` },
      done: `${id} is recorded at ${address}`,
    },
    flags,
  )
}

export async function memberPromote(context: CommandContext, id: string, flags: ChangingFlags): Promise<void> {
  const request = { promote: [id] }
  await changeConfirmed(context, { request, question: `promote ${id}?`, done: `${id} is a voter` }, flags)
}

export async function memberDemote(context: CommandContext, id: string, flags: ChangingFlags): Promise<void> {
  const request = { demote: [id] }
  await changeConfirmed(context, { request, question: `demote ${id}?`, done: `${id} is a learner` }, flags)
}

export async function memberRemove(context: CommandContext, id: string, flags: ChangingFlags): Promise<void> {
  await changeConfirmed(
    context,
    { request: { remove: [id] }, question: `remove ${id}?`, done: `${id} is removed` },
    flags,
  )
}

export interface ReplaceFlags extends ChangingFlags {
  readonly wait: number
}

/**
 * Adds the new member as a learner, waits until the leader takes it as a voter, and then makes it one and removes the old one in one joint change. May
 * be run again if it was interrupted: it continues.
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
  assertAddress(report, newId, address)
  const voters = votersOf(report)
  const after = [...voters.filter((id) => ![oldId, newId].includes(id)), newId]
  context.terminal.err(quorumPreview({ before: voters, after }))
  await confirm(context.terminal, `replace ${oldId} by ${newId}?`, flags.yes === true)
  let { ifIndex } = flags
  if (kindOf(newId) === 'not a member') {
    const request = { add: [{ id: newId, address }] }
    await change(context, report, { request, done: `${newId} is a learner at ${address}` }, ifIndex)
    ifIndex = undefined
    await printStart(context, newId, address)
  }
  let index = 0
  const whyNotReady = async (seen: StatusReport): Promise<RaftError | undefined> => {
    const promote = votersOf(seen).includes(newId) ? [] : [newId]
    try {
      index = await changedAt(context, seen, { promote, remove: [oldId] }, ifIndex)
      return undefined
    } catch (error) {
      if (isRaftError(error, 'ERR_RAFT_LEARNER_NOT_READY')) return error
      throw error
    }
  }
  await followJoin(context, { id: newId, until: 'voter', waitMs: flags.wait, whyNotReady })
  printChange(context, index, `${newId} has replaced ${oldId}`)
}

/** A member that was added before keeps its address, so another one is a mistake. */
function assertAddress({ nodes }: StatusReport, id: string, address: string): void {
  const member = nodes.find((node) => node.id === id && node.kind !== 'not a member')
  if (member === undefined || [member.recordedAddress, member.address].includes(address)) return
  throw new CommandFailure(`${id} is a member at ${member.recordedAddress}, not at ${address}`, {
    exitCode: EXIT.refused,
    hint: `pass that address, or record another one first: quorate member update ${id} ${address}`,
  })
}

export interface ChangeFlags extends ChangingFlags {
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

/** Shows the voters before and after, and asks, if they change or are to be found elsewhere. */
async function changeConfirmed(
  context: CommandContext,
  planned: PlannedChange & { readonly question: string },
  flags: ChangingFlags,
): Promise<void> {
  const report = await readStatus(context.settings)
  const before = votersOf(report)
  const { add = [], promote = [], demote = [], remove = [], move = [] } = planned.request
  const lost = new Set([...demote, ...remove])
  const gained = [...promote, ...add.filter((member) => member.promote === true).map(({ id }) => id)]
  const after = [...new Set([...before.filter((id) => !lost.has(id)), ...gained])]
  if (after.length !== before.length || before.some((id) => lost.has(id)) || move.length > 0) {
    context.terminal.err(quorumPreview({ before, after, detail: addressesOf(report, move) }))
    await confirm(context.terminal, planned.question, flags.yes === true)
  }
  await change(context, report, planned, flags.ifIndex)
}

function addressesOf(
  { nodes }: StatusReport,
  move: NonNullable<MembershipChange['move']>,
): { readonly before: string; readonly after: string } | undefined {
  const [moved] = move
  if (moved === undefined) return undefined
  const recorded = nodes.find(({ id }) => id === moved.id)?.recordedAddress ?? 'no address'
  return { before: `${moved.id} at ${recorded}`, after: `${moved.id} at ${moved.address}` }
}

async function change(
  context: CommandContext,
  seen: StatusReport,
  { request, done }: PlannedChange,
  ifIndex: number | undefined,
): Promise<void> {
  printChange(context, await changedAt(context, seen, request, ifIndex), done)
}

/**
 * Changes the membership only if it is the one of the report, which the operator has seen; what the leader records by itself meanwhile, such as a boot, does
 * not count. With an index given by the operator, only if it is exactly that one. Resolves with the index of the change.
 */
async function changedAt(
  { settings }: CommandContext,
  seen: StatusReport,
  request: MembershipChange,
  given: number | undefined,
): Promise<number> {
  let ifIndex = given ?? seen.membershipIndex
  for (let attempt = 1; ; attempt++) {
    try {
      const { index } = await withClient(settings, ({ raftClient }) =>
        raftClient.changeMembership({ ...request, ifIndex }),
      )
      return index
    } catch (error) {
      if (!isRaftError(error, 'ERR_RAFT_MEMBERSHIP_CHANGED') || given !== undefined || attempt === ATTEMPTS_MAX)
        throw error
      const now = await readStatus(settings)
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

function printChange({ settings, terminal }: CommandContext, index: number, done: string): void {
  const isJson = settings.format === 'json'
  terminal.out(
    `${isJson ? JSON.stringify({ schema: 'quorate.change/v1', index, done }) : `${done} (index ${index})`}\n`,
  )
}

function votersOf(report: StatusReport): NodeId[] {
  return report.nodes.filter((node) => node.kind === 'voter').map((node) => node.id)
}

/** Who is a member, as what, and where. */
function membersOf(report: StatusReport): string {
  const members = report.nodes.filter(({ kind }) => kind !== 'not a member')
  return JSON.stringify(members.map(({ id, kind, recordedAddress }) => [id, kind, recordedAddress]))
}

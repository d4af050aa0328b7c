/** `quorate recover`: makes a new cluster of one survivor, after the majority of a cluster is lost for good. */
import type { EndpointStatus } from '../../client/index.ts'
import { isQuorum } from '../../core/membership/quorum.ts'
import type { Membership, NodeId } from '../../core/types.ts'
import type { DirectoryReport, LogSummary } from '../../data-directory/inspect.ts'
import { inspectDataDirectory } from '../../operations/inspect-data-directory.ts'
import type { Recovery } from '../../operations/recover-cluster.ts'
import { recoverCluster } from '../../operations/recover-cluster.ts'
import { CommandFailure } from '../command-failure.ts'
import { EXIT } from '../exit-codes.ts'
import { withClient } from '../kv-client.ts'
import { quorumPreview } from '../members/quorum-preview.ts'
import type { Terminal } from '../terminal.ts'
import type { TlsFlags } from '../tls-files.ts'
import { clientTls } from '../tls-files.ts'
import { readToken } from '../token-files.ts'

export interface RecoverFlags extends TlsFlags {
  readonly address: string
  readonly cluster?: string
  readonly dryRun?: boolean
  /** The id of the lost cluster, in place of the question. */
  readonly confirm?: string
  readonly token?: string
  /** Where members may run that have moved. */
  readonly endpoints?: readonly string[]
  readonly output: 'text' | 'json'
}

interface Survivor {
  readonly report: DirectoryReport
  /** The lost cluster. */
  readonly clusterId: string
  readonly log: LogSummary
  readonly membership: Membership
}

/** What the members of the lost cluster say, as far as they can be asked. */
interface Others {
  readonly alive: readonly NodeId[]
  /** Something answers at their address, but not to this caller. */
  readonly unclear: readonly { readonly id: NodeId; readonly problem: string }[]
  /** The same, at another address that was given: it may be any member. */
  readonly unknown: readonly { readonly address: string; readonly problem: string }[]
  /** Nodes of other clusters at the addresses of members. */
  readonly foreign: readonly { readonly id: NodeId; readonly address: string; readonly clusterId: string }[]
  /** The memberships that are known, the newest first: the survivor may have missed changes. */
  readonly memberships: readonly [Membership, ...Membership[]]
}

/** How long a member may take to say that it is alive. */
const ALIVE_TIMEOUT_MS = 3000

export async function recover(paths: readonly string[], flags: RecoverFlags, terminal: Terminal): Promise<void> {
  const survivors: Survivor[] = []
  for (const path of paths) survivors.push(survivorOf(await inspectDataDirectory({ directory: path })))
  const best = survivors.reduce((a, b) => (isNewer(b.log, a.log) ? b : a))
  const { clusterId } = best
  const other = survivors.find((each) => each.clusterId !== clusterId)
  if (other !== undefined)
    throw new CommandFailure(
      `${best.report.path} belongs to cluster ${clusterId}, and ${other.report.path} to cluster ${other.clusterId}`,
      { exitCode: EXIT.usage },
    )
  const others = await askOthers(best, flags)
  assertNoQuorum(survivors, others)
  terminal.err(previewOf(best, survivors, others))
  if (flags.dryRun === true) {
    terminal.err('nothing was changed (dry run)\n')
    return
  }
  await confirmByName(terminal, clusterId, flags.confirm)
  const { address, cluster } = flags
  const recovery = await recoverCluster({
    directory: best.report.path,
    address,
    ...(cluster === undefined ? {} : { cluster }),
  })
  if (flags.output === 'json') terminal.out(`${JSON.stringify({ schema: 'quorate.recovery/v1', ...recovery })}\n`)
  else terminal.out(doneText(recovery, best.report.path, address))
}

function survivorOf(report: DirectoryReport): Survivor {
  const { log, membership, problems, path, clusterId, interruptedRecoveryOf = clusterId } = report
  const [problem] = problems
  if (problem !== undefined || log === undefined || membership === undefined)
    throw new CommandFailure(`${path} cannot be recovered: ${problem?.message ?? 'its log contains no membership'}`, {
      exitCode: EXIT.doNotRestart,
      hint: 'quorate data verify shows what is damaged; use the directory of another survivor',
    })
  return { report, clusterId: interruptedRecoveryOf, log, membership }
}

/** The rule by which voters compare logs (§5.4.1). */
function isNewer(a: LogSummary, b: LogSummary): boolean {
  return a.lastTerm !== b.lastTerm ? a.lastTerm > b.lastTerm : a.lastIndex > b.lastIndex
}

/** Asks the members that the survivor knows, those at the given addresses, and those that they name. */
async function askOthers({ report, membership, clusterId }: Survivor, flags: RecoverFlags): Promise<Others> {
  const settings = {
    endpoints: [...new Set([...membership.members.map(({ address }) => address), ...(flags.endpoints ?? [])])],
    timeoutMs: ALIVE_TIMEOUT_MS,
    tls: clientTls(flags),
    token: readToken(flags.token),
  }
  const answers: readonly EndpointStatus[] = await withClient(settings, ({ raftClient }) =>
    raftClient.status({ timeoutMs: ALIVE_TIMEOUT_MS }),
  )
  const statuses = answers
    .flatMap((answer) => ('status' in answer ? [answer.status] : []))
    .filter((status) => status.clusterId === clusterId && status.stopped === undefined)
  const known = [{ membership, membershipIndex: report.membershipIndex ?? 0 }, ...statuses]
  const [newest, ...older] = known.sort((one, other) => other.membershipIndex - one.membershipIndex)
  const idAt = (address: string): NodeId | undefined =>
    [membership, ...statuses.map((status) => status.membership)]
      .flatMap(({ members }) => members)
      .find((member) => member.address === address)?.id
  const unclear = answers.flatMap((answer) => {
    if ('status' in answer || !UNCLEAR_CODES.includes(answer.error.code)) return []
    return [{ id: idAt(answer.address), address: answer.address, problem: answer.error.message }]
  })
  return {
    alive: [...new Set(statuses.map(({ id }) => id))].sort(),
    unclear: unclear.flatMap(({ id, problem }) => (id === undefined ? [] : [{ id, problem }])),
    unknown: unclear.filter(({ id }) => id === undefined),
    foreign: answers.flatMap((answer) => {
      const id = idAt(answer.address)
      if (!('status' in answer) || id === undefined || answer.status.clusterId === clusterId) return []
      return [{ id, address: answer.address, clusterId: answer.status.clusterId }]
    }),
    memberships: [newest?.membership ?? membership, ...older.map((each) => each.membership)],
  }
}

/** A node answers, but does not accept this caller, or is not accepted. */
const UNCLEAR_CODES: readonly string[] = ['ERR_RAFT_UNAUTHENTICATED', 'ERR_RAFT_UNAUTHORIZED', 'ERR_RAFT_PROTOCOL']

/** Fails unless the majority is lost, and all members that may run could be asked. */
function assertNoQuorum(survivors: readonly Survivor[], { alive, unclear, unknown, memberships }: Others): void {
  const [newest] = memberships
  const isQuorumOf = (ids: readonly NodeId[], membership = newest): boolean =>
    isQuorum(membership, (id) => ids.includes(id))
  if (memberships.some((membership) => isQuorumOf(alive, membership)))
    throw new CommandFailure(`the cluster has a quorum: ${alive.join(', ')} respond`, {
      exitCode: EXIT.refused,
      hint: 'start this node as usual, or replace it: quorate member remove, quorate member add',
    })
  const usable = [...new Set([...alive, ...survivors.map(({ report }) => report.nodeId)])]
  if (isQuorumOf(usable))
    throw new CommandFailure(`the majority is not lost: ${usable.join(', ')} are a quorum`, {
      exitCode: EXIT.refused,
      hint: 'start all of them with their directories, and nothing is lost',
    })
  const isUnclear = isQuorumOf([...usable, ...unclear.map(({ id }) => id)])
  if (!isUnclear && unknown.length === 0) return
  const which = isUnclear
    ? `the address of ${unclear.map(({ id, problem }) => `${id} (${problem})`).join(', ')}`
    : unknown.map(({ address, problem }) => `${address} (${problem})`).join(', ')
  throw new CommandFailure(`the majority may not be lost: a node responds at ${which}`, {
    exitCode: EXIT.refused,
    hint: 'pass the flags for TLS, or --cluster-secret, of quorate status, so that it can be asked; or stop it',
  })
}

function previewOf(best: Survivor, survivors: readonly Survivor[], { alive, unclear, foreign }: Others): string {
  const { report, clusterId, log, membership } = best
  const others = membership.members.map(({ id }) => id).filter((id) => id !== report.nodeId)
  const uncertain = log.lastIndex - log.commitIndex
  const lines = [
    `cluster ${clusterId}`,
    ...survivors.map((each) => `${each === best ? '*' : ' '} ${logLine(each)}`),
    `${report.nodeId} becomes the only member of a new cluster, with everything in its log:`,
    `- lost: entries after ${log.lastIndex} that were acknowledged by ${others.join(', ') || 'other members'} without ${report.nodeId}`,
    ...(uncertain > 0
      ? [
          `- committed by this: its last ${uncertain === 1 ? 'entry' : `${uncertain} entries`}, acknowledged or not: this is not known here`,
        ]
      : []),
    `- ${others.join(', ') || 'other members'}: rejected if they reach ${report.nodeId}, and stop; they may join the new cluster with empty directories`,
    ...(alive.length > 0 ? [`- still running, without a quorum: ${alive.join(', ')}; stop them first`] : []),
    ...unclear.map(({ id, problem }) => `- unknown: whether ${id} runs (${problem})`),
    ...foreign.map(
      ({ id, address, clusterId: another }) =>
        `- at ${address}, the address of ${id}, a node of cluster ${another} responds: if that was recovered from this cluster, do not make a second one`,
    ),
  ]
  return `${lines.join('\n')}\n${quorumPreview({ before: membership.voters, after: [report.nodeId] })}`
}

function logLine({ report, log }: Survivor): string {
  return `${report.nodeId}  ${report.path}  last entry ${log.lastIndex} of term ${log.lastTerm}, committed at least to ${log.commitIndex}`
}

async function confirmByName(terminal: Terminal, clusterId: string, given: string | undefined): Promise<void> {
  const answer = given ?? (await terminal.ask(`type ${clusterId} to make a new cluster: `))
  if (answer === undefined)
    throw new CommandFailure('this needs a confirmation, but standard input is not a terminal', {
      exitCode: EXIT.usage,
      hint: `pass --confirm ${clusterId}`,
    })
  if (answer.trim() !== clusterId) throw new CommandFailure(`that is not ${clusterId}: nothing was changed`)
}

function doneText({ nodeId, cluster, index, fromCluster }: Recovery, path: string, address: string): string {
  return `${nodeId} is the only member of cluster ${cluster}, from index ${index} on (it was a member of ${fromCluster})
start it with:
  quorate serve --id ${nodeId} --listen ${address} --peers ${nodeId}=${address} --data-dir ${path}
then add members, each with an empty directory:
  quorate member add ID ADDRESS --endpoints ${address}
`
}

/** `quorate recover`: makes a new cluster of one survivor, after the majority of a cluster is lost for good. */
import type { EndpointStatus } from '../../client/index.ts'
import type { Membership } from '../../core/types.ts'
import type { DirectoryReport, LogSummary } from '../../data-directory/inspect.ts'
import { inspectDataDirectory } from '../../operations/inspect-data-directory.ts'
import type { Recovery } from '../../operations/recover-cluster.ts'
import { recoverCluster } from '../../operations/recover-cluster.ts'
import { CommandFailure } from '../command-failure.ts'
import { EXIT } from '../exit-codes.ts'
import { withClient } from '../kv-client.ts'
import { quorumPreview } from '../members/quorum-preview.ts'
import type { Terminal } from '../terminal.ts'

export interface RecoverFlags {
  readonly address: string
  readonly cluster?: string
  readonly dryRun?: boolean
  /** The id of the lost cluster, in place of the question. */
  readonly confirm?: string
  readonly output: 'text' | 'json'
}

interface Survivor {
  readonly report: DirectoryReport
  readonly log: LogSummary
  readonly membership: Membership
}

/** How long a member may take to say that it is alive. */
const ALIVE_TIMEOUT_MS = 3000

export async function recover(paths: readonly string[], flags: RecoverFlags, terminal: Terminal): Promise<void> {
  const survivors: Survivor[] = []
  for (const path of paths) survivors.push(survivorOf(await inspectDataDirectory({ directory: path })))
  const best = survivors.reduce((a, b) => (isNewer(b.log, a.log) ? b : a))
  const { clusterId } = best.report
  const other = survivors.find(({ report }) => report.clusterId !== clusterId)
  if (other !== undefined)
    throw new CommandFailure(
      `${best.report.path} belongs to cluster ${clusterId}, and ${other.report.path} to cluster ${other.report.clusterId}`,
      { exitCode: EXIT.usage },
    )
  const alive = await aliveMembers(best)
  assertNoQuorum(best.membership, alive)
  terminal.err(previewOf(best, survivors, alive))
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
  const { log, membership, problems, path } = report
  const [problem] = problems
  if (problem !== undefined || log === undefined || membership === undefined)
    throw new CommandFailure(`${path} cannot be recovered: ${problem?.message ?? 'its log contains no membership'}`, {
      exitCode: EXIT.doNotRestart,
      hint: 'quorate data verify shows what is damaged; use the directory of another survivor',
    })
  return { report, log, membership }
}

/** The rule by which voters compare logs (§5.4.1). */
function isNewer(a: LogSummary, b: LogSummary): boolean {
  return a.lastTerm !== b.lastTerm ? a.lastTerm > b.lastTerm : a.lastIndex > b.lastIndex
}

/** The members of the cluster that respond at their recorded addresses. */
async function aliveMembers({ membership, report }: Survivor): Promise<string[]> {
  const endpoints = membership.members.map(({ address }) => address)
  const settings = {
    endpoints,
    timeoutMs: ALIVE_TIMEOUT_MS,
    isTimeoutGiven: true,
    format: 'text',
    isVerbose: false,
  } as const
  const answers: readonly EndpointStatus[] = await withClient(settings, ({ raftClient }) =>
    raftClient.status({ timeoutMs: ALIVE_TIMEOUT_MS }),
  )
  const ids = answers.flatMap((answer) =>
    'status' in answer && answer.status.clusterId === report.clusterId ? [answer.status.id] : [],
  )
  return [...new Set(ids)].sort()
}

function assertNoQuorum({ voters, outgoing }: Membership, alive: readonly string[]): void {
  const isQuorum = (half: readonly string[]): boolean =>
    half.length === 0 || half.filter((id) => alive.includes(id)).length > half.length / 2
  if (isQuorum(voters) && isQuorum(outgoing))
    throw new CommandFailure(`the cluster has a quorum: ${alive.join(', ')} respond`, {
      exitCode: EXIT.refused,
      hint: 'start this node as usual, or replace it: quorate member remove, quorate member add',
    })
}

function previewOf(best: Survivor, survivors: readonly Survivor[], alive: readonly string[]): string {
  const { report, log, membership } = best
  const others = membership.members.map(({ id }) => id).filter((id) => id !== report.nodeId)
  const uncertain = log.lastIndex - log.commitIndex
  const lines = [
    `cluster ${report.clusterId}`,
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

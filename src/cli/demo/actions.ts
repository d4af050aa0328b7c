/** The actions behind the keys of the demo. Each announces its result. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { NodeId } from '../../core/types.ts'
import { isRaftError } from '../../errors.ts'
import type { KvClient } from '../kv-client.ts'
import { collectStatus } from '../status/collect-status.ts'
import { formatStatus } from '../status/status-text.ts'
import type { Announcer } from './announcer.ts'
import type { Counter } from './counter.ts'
import type { DemoCluster, Leadership } from './demo-cluster.ts'
import { LOAD_DEFAULTS, load } from './load.ts'

const FAILOVER_TIMEOUT_MS = 15_000
const CATCH_UP_TIMEOUT_MS = 30_000
const STATUS_TIMEOUT_MS = 1000

export interface DemoContext {
  readonly cluster: DemoCluster
  readonly client: KvClient
  readonly counter: Counter
  readonly announcer: Announcer
  /** Aborted when the demo stops; failures after that are not announced. */
  readonly stopping: AbortSignal
}

/** Kills a node, or else the leader, with SIGKILL. If it leads, reports the failover. */
export async function kill(context: DemoContext, node?: NodeId): Promise<void> {
  const { cluster, announcer } = context
  const { leader } = cluster
  const id = node ?? leader?.id
  if (id === undefined) return announcer.note('there is no leader to kill; press r')
  const startedAt = performance.now()
  await cluster.kill(id)
  if (leader?.id === id) return reportFailover(context, leader, startedAt)
  announcer.announce({ event: 'killed', node: id, text: `${id} killed` })
}

/** Waits for the next leader and the next acknowledged write, then counts the acknowledged writes that are lost. */
export async function reportFailover(context: DemoContext, killed: Leadership, startedAt: number): Promise<void> {
  const { cluster, counter, announcer } = context
  if (!cluster.hasMajority) return announceNoMajority(context, killed.id)
  const [elected, isServing] = await Promise.all([
    cluster.newLeader(killed.term, FAILOVER_TIMEOUT_MS),
    Promise.race([counter.nextAcknowledged().then(() => true), sleep(FAILOVER_TIMEOUT_MS, false, { ref: false })]),
  ])
  const servingMs = Math.round(performance.now() - startedAt)
  if (elected === undefined || !isServing)
    return announcer.announce({
      ...{ event: 'noLeader', killed: killed.id, waitedMs: FAILOVER_TIMEOUT_MS },
      text: `${killed.id} (leader) killed; no new leader after ${FAILOVER_TIMEOUT_MS / 1000} s: see \`quorate status\``,
    })
  const electedMs = Math.round(elected.at - startedAt)
  const lost = await counter.countLost()
  const { acknowledged, unknown } = counter.writes
  const uncertain = unknown === 0 ? '' : `, ${unknown} of unknown outcome`
  announcer.announce({
    ...{ event: 'failover', killed: killed.id, leader: elected.id, term: elected.term, electedMs, servingMs },
    ...{ acknowledged, lost, unknown },
    text:
      `${killed.id} (leader) killed; ${elected.id} leads term ${elected.term} after ${electedMs} ms, ` +
      `writes resume after ${servingMs} ms; ${lost} acknowledged writes lost (of ${acknowledged}${uncertain})`,
  })
}

function announceNoMajority({ cluster, announcer }: DemoContext, killed: NodeId): void {
  const up = cluster.processes.filter((each) => each.isAlive).length
  const of = cluster.plan.nodes.length
  announcer.announce({
    ...{ event: 'noMajority', killed, up, of },
    text: `${killed} (leader) killed; ${up} of ${of} nodes left, which is not a majority: no writes are possible`,
  })
}

/** Restarts a node, or else all, if they are down. */
export async function restartKilled(context: DemoContext, node?: NodeId): Promise<void> {
  const { cluster, announcer } = context
  const down = cluster.plan.nodes.filter(({ id }) => !cluster.isUp(id) && id === (node ?? id))
  if (down.length === 0) return announcer.note('all nodes are up; press k to kill the leader')
  for (const { id } of down) {
    const startedAt = performance.now()
    const how = cluster.plan.isMemory ? await replaceMemoryNode(context, id) : await cluster.restart(id)
    const pid = cluster.pid(id)
    const isCaughtUp = await awaitCatchUp(context, id)
    const tookMs = Math.round(performance.now() - startedAt)
    const catchUp = isCaughtUp ? `caught up after ${tookMs} ms` : `still catching up after ${tookMs} ms`
    announcer.announce({
      ...{ event: 'restarted', node: id, pid, isCaughtUp, tookMs },
      text: `${id} is back as pid ${pid}${how ?? ''}, ${catchUp}`,
    })
  }
}

/** Removes the member and adds it again, because a node without a disk has lost its log and vote. */
async function replaceMemoryNode({ cluster, client }: DemoContext, id: NodeId): Promise<string> {
  const address = cluster.plan.nodes.find((node) => node.id === id)?.address ?? ''
  const { statuses, isVoter } = await membersOf(client, id)
  if (statuses > 0 && isVoter) await client.raftClient.changeMembership({ remove: [id] })
  await client.raftClient.changeMembership({ add: [{ id, address, promote: true }] })
  await cluster.join(id)
  return ' (its data was lost with its process: removed and added again as a new member)'
}

async function membersOf(client: KvClient, id: NodeId): Promise<{ statuses: number; isVoter: boolean }> {
  const answers = await client.raftClient.status({ timeoutMs: STATUS_TIMEOUT_MS })
  const statuses = answers.flatMap((each) => ('status' in each ? [each.status] : []))
  return { statuses: statuses.length, isVoter: statuses.some((status) => status.membership.voters.includes(id)) }
}

async function awaitCatchUp({ cluster, client }: DemoContext, id: NodeId): Promise<boolean> {
  const address = cluster.plan.nodes.find((node) => node.id === id)?.address ?? ''
  const deadline = performance.now() + CATCH_UP_TIMEOUT_MS
  for (let goal: number | undefined; performance.now() < deadline && cluster.isUp(id); await sleep(50)) {
    const answers = await client.raftClient.status({ timeoutMs: STATUS_TIMEOUT_MS })
    const statuses = answers.flatMap((each) => ('status' in each ? [each] : []))
    if (cluster.leader !== undefined && statuses.length > 1)
      goal ??= Math.max(...statuses.map(({ status }) => status.commitIndex))
    const applied = statuses.find((each) => each.address === address)?.status.appliedIndex ?? -1
    if (goal !== undefined && applied >= goal) return true
  }
  return false
}

export async function putOne({ cluster, client, announcer }: DemoContext): Promise<void> {
  const value = `hello at ${new Date().toISOString().slice(11, 19)}`
  const startedAt = performance.now()
  const { index, term } = await client.write({ type: 'put', key: 'hello', value: Buffer.from(value) })
  const tookMs = Number((performance.now() - startedAt).toFixed(1))
  announcer.announce({
    ...{ event: 'put', key: 'hello', value, index, term, tookMs },
    text: `put hello '${value}': index ${index}, term ${term}, ${tookMs} ms, by ${cluster.leader?.id}`,
  })
}

export async function runLoad({ client, announcer }: DemoContext): Promise<void> {
  const { durationMs, outstanding, valueBytes } = LOAD_DEFAULTS
  announcer.note(`${durationMs / 1000} s of writes, ${outstanding} in parallel, ${valueBytes} bytes each …`)
  const result = await load(client)
  const [perSecond, p50, p99] = [Math.round(result.perSecond), result.p50Ms.toFixed(1), result.p99Ms.toFixed(1)]
  const failures = result.failures === 0 ? '' : `, ${result.failures} failed`
  announcer.announce({
    ...{ event: 'load', ...result, outstanding, valueBytes },
    text: `${perSecond} writes/s, p50 ${p50} ms, p99 ${p99} ms (${result.writes} writes${failures})`,
  })
}

export async function showStatus({ client, announcer }: DemoContext): Promise<void> {
  const report = await collectStatus(client.raftClient, STATUS_TIMEOUT_MS)
  announcer.announce({ event: 'status', status: report, text: formatStatus(report).trimEnd() })
}

/** Runs an action and announces its failure; the demo continues. */
export async function announceFailure(
  context: DemoContext,
  action: (context: DemoContext) => Promise<void>,
): Promise<void> {
  try {
    await action(context)
  } catch (error) {
    if (context.stopping.aborted) return
    const message = error instanceof Error ? error.message : String(error)
    const code = isRaftError(error) ? error.code : undefined
    context.announcer.announce({
      event: 'actionFailed',
      code,
      text: code === undefined ? message : `${code}: ${message}`,
    })
  }
}

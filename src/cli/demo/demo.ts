/** `quorate demo`: runs a cluster of processes on this machine, whose nodes can be killed and restarted by keys. */
import { rm } from 'node:fs/promises'
import type { NodeId } from '../../core/types.ts'
import { EXIT } from '../exit-codes.ts'
import { KvClient } from '../kv-client.ts'
import { stopRequest } from '../stop-signals.ts'
import type { Terminal } from '../terminal.ts'
import type { DemoContext } from './actions.ts'
import { announceFailure, kill, putOne, reportFailover, restartKilled, runLoad, showStatus } from './actions.ts'
import { Announcer } from './announcer.ts'
import { Counter } from './counter.ts'
import { adminTls, makeDemoCertificates, tlsExports } from './demo-certificates.ts'
import type { DemoWatcher, Leadership } from './demo-cluster.ts'
import { DemoCluster } from './demo-cluster.ts'
import { serveDemoPage } from './demo-page.ts'
import type { DemoFlags, DemoPlan } from './demo-plan.ts'
import { planDemo } from './demo-plan.ts'
import { listenToKeys } from './keyboard.ts'
import { cutLinks, healLinks } from './link-actions.ts'
import type { ProcessExit } from './node-process.ts'

const FIRST_LEADER_TIMEOUT_MS = 15_000
const CALL_TIMEOUT_MS = 5000

interface Action {
  readonly name: string
  readonly run: (context: DemoContext, nodes: readonly NodeId[]) => Promise<void>
  /** How many nodes it can be about; 0 if not given. */
  readonly nodesMax?: number
}

/** By key. The page has the same, by name. */
const ACTIONS: Readonly<Record<string, Action>> = {
  k: { name: 'kill', run: (context, [node]) => kill(context, node), nodesMax: 1 },
  r: { name: 'restart', run: (context, [node]) => restartKilled(context, node), nodesMax: 1 },
  c: { name: 'cut', run: cutLinks, nodesMax: 2 },
  h: { name: 'heal', run: healLinks, nodesMax: 2 },
  p: { name: 'put', run: putOne },
  b: { name: 'load', run: runLoad },
  s: { name: 'status', run: showStatus },
}

/** Runs until a stop signal or the quit key. All node processes end with it. */
export async function demo(flags: DemoFlags, terminal: Terminal): Promise<number> {
  const stopRequested = stopRequest(['SIGHUP'])
  const stopping = new AbortController()
  const announcer = new Announcer(terminal, flags.json === true)
  const plan = await planDemo(flags)
  const watcher = new Watcher(announcer)
  const cluster = new DemoCluster(plan, watcher)
  try {
    announcePlan(plan, announcer)
    const context = await Promise.race([stopRequested, startAll(cluster, announcer, stopping.signal)])
    if (context !== undefined) {
      watcher.context = context
      const act = actor(context)
      const actions = Object.entries(ACTIONS).map(
        ([key, { name }]) => [name, (nodes: readonly NodeId[]) => act(key, nodes)] as const,
      )
      const page = await serveDemoPage(cluster.feed, Object.fromEntries(actions))
      announcer.announce({
        event: 'page',
        url: `http://${page.address}/`,
        text: `the cluster live: http://${page.address}/`,
      })
      announcer.onText = (text) => cluster.feed.publish({ type: 'note', at: Date.now(), text })
      const isInteractive = terminal.isTty && process.stdin.isTTY === true && flags.json !== true
      await (isInteractive ? handleKeysUntilQuit(context, act, stopRequested) : stopRequested)
      stopping.abort()
      await page.close()
      await context.counter.stop()
      await context.client.raftClient.close()
    }
  } finally {
    await cluster.stop()
    if (plan.isMemory) await rm(plan.directory, { recursive: true, force: true })
  }
  announcer.announce({ event: 'stopped', text: stoppedText(plan) })
  return EXIT.ok
}

async function startAll(cluster: DemoCluster, announcer: Announcer, stopping: AbortSignal): Promise<DemoContext> {
  const { plan } = cluster
  await makeDemoCertificates(plan)
  await cluster.start()
  const upAt = performance.now()
  for (const { id, address, dataDir } of plan.nodes)
    announcer.announce({
      ...{ event: 'node', node: id, pid: cluster.pid(id), address, http: cluster.http(id), dataDir },
      text: `  ${id}  pid ${cluster.pid(id)}  ${address}  ${dataDir ?? 'in memory'}  http://${cluster.http(id)}/metrics`,
    })
  const leader = await cluster.newLeader(0, FIRST_LEADER_TIMEOUT_MS)
  if (leader === undefined) announcer.announce({ event: 'noLeader', text: 'no leader yet: see `quorate status`' })
  else {
    const { id, term, at } = leader
    const tookMs = Math.max(0, Math.round(at - upAt))
    announcer.announce({
      ...{ event: 'leader', leader: id, term, tookMs },
      text: `leader: ${id} (term ${term}), elected ${tookMs} ms after the nodes started`,
    })
  }
  const endpoints = plan.nodes.map(({ address }) => address)
  const client = new KvClient({ endpoints, timeoutMs: CALL_TIMEOUT_MS, tls: adminTls(plan) })
  const counter = new Counter(client)
  const count = await counter.start()
  if (cluster.hasOldData)
    announcer.announce({
      event: 'resumed',
      counted: count,
      text: `continuing with the data of the last run: the counter is at ${count}`,
    })
  announcer.note(nextSteps(plan))
  return { cluster, client, counter, announcer, stopping }
}

/** Handles keys until the quit key or a stop signal. */
async function handleKeysUntilQuit(context: DemoContext, act: Act, stopRequested: Promise<undefined>): Promise<void> {
  context.announcer.note(
    'keys: k kill the leader  r restart it  c cut it off  h heal links  p put a value  b 5 s of load  s status  q quit',
  )
  let stopListening: () => void = () => undefined
  const quit = new Promise<void>((resolve) => {
    stopListening = listenToKeys(act, resolve)
  })
  await Promise.race([quit, stopRequested])
  stopListening()
}

/** Starts the action of a key; false if there is none, it is not about these nodes, or the same is still being done. */
type Act = (key: string, nodes?: readonly NodeId[]) => boolean

function actor(context: DemoContext): Act {
  const running = new Set<string>()
  const known = new Set(context.cluster.plan.nodes.map(({ id }) => id))
  return (key, nodes = []) => {
    const action = Object.hasOwn(ACTIONS, key) ? ACTIONS[key] : undefined
    const name = [key, ...nodes].join(' ')
    if (action === undefined || running.has(name)) return false
    if (nodes.length > (action.nodesMax ?? 0) || !nodes.every((id) => known.has(id))) return false
    running.add(name)
    void announceFailure(context, () => action.run(context, nodes)).then(() => running.delete(name))
    return true
  }
}

/** Announces elections and unexpected exits. */
class Watcher implements DemoWatcher {
  /** Set once the cluster has started. */
  context: DemoContext | undefined
  readonly #announcer: Announcer

  constructor(announcer: Announcer) {
    this.#announcer = announcer
  }

  onLeader({ id, term }: Leadership, before: Leadership | undefined): void {
    // If the former leader is down, reportFailover announces the new one.
    if (before === undefined || this.context?.cluster.isUp(before.id) !== true) return
    this.#announcer.announce({ event: 'leads', leader: id, term, text: `${id} leads term ${term}` })
  }

  onNodeExit(id: NodeId, { exitCode, signal }: ProcessExit, led: Leadership | undefined): void {
    const how = signal === null ? `exit code ${exitCode}` : signal
    this.#announcer.announce({ event: 'nodeEnded', node: id, exitCode, signal, text: `${id} has exited: ${how}` })
    const startedAt = performance.now()
    if (led !== undefined && this.context !== undefined)
      void announceFailure(this.context, (context) => reportFailover(context, led, startedAt))
  }
}

function announcePlan(plan: DemoPlan, announcer: Announcer): void {
  const { nodes, busyPort, isMemory, directory } = plan
  if (busyPort !== undefined)
    announcer.announce({
      event: 'portsMoved',
      busyPort,
      text: `port ${busyPort} is in use; using the next free range`,
    })
  const how = plan.certificates === undefined ? '' : ' with TLS'
  const where = isMemory ? 'in memory' : `in ${directory}/`
  announcer.announce({
    event: 'starting',
    nodes: nodes.length,
    text: `starting ${nodes.length} nodes${how} ${where} …`,
  })
}

function nextSteps(plan: DemoPlan): string {
  const endpoints = plan.nodes.map(({ address }) => address).join(',')
  const isUsual = endpoints === '127.0.0.1:7001,127.0.0.1:7002,127.0.0.1:7003'
  return `
try, in another terminal:
${isUsual ? '' : `  export QUORATE_ENDPOINTS=${endpoints}\n`}${tlsExports(plan)}  npx quorate put greeting hello
  npx quorate get greeting
  npx quorate status
  kill -9 PID      (of any node; then check the status again)
`
}

function stoppedText(plan: DemoPlan): string {
  return plan.isMemory
    ? 'stopped'
    : `stopped; the data is in ${plan.directory}/; run the demo again to continue with it`
}

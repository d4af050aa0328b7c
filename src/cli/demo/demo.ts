/** `quorate demo`: a cluster of separate processes on this machine, to be watched, killed and restarted. */
import { rm } from 'node:fs/promises'
import type { NodeId } from '../../core/types.ts'
import { EXIT } from '../exit-codes.ts'
import { KvCluster } from '../kv-cluster.ts'
import type { Terminal } from '../terminal.ts'
import type { DemoParts } from './actions.ts'
import { guarded, killLeader, putOne, restartKilled, runLoad, showStatus } from './actions.ts'
import { Announcer } from './announcer.ts'
import { Counter } from './counter.ts'
import { DemoCluster } from './demo-cluster.ts'
import type { DemoFlags, DemoPlan } from './demo-plan.ts'
import { planDemo } from './demo-plan.ts'
import { listenToKeys } from './keyboard.ts'
import type { Ending } from './node-process.ts'

const FIRST_LEADER_TIMEOUT_MS = 15_000
const CALL_TIMEOUT_MS = 5000

const ACTIONS: Readonly<Record<string, (parts: DemoParts) => Promise<void>>> = {
  k: killLeader,
  r: restartKilled,
  p: putOne,
  b: runLoad,
  s: showStatus,
}

/** Runs until it is told to stop; whatever happens, no process stays behind. */
export async function demo(flags: DemoFlags, terminal: Terminal): Promise<number> {
  const isInteractive = terminal.isTty && process.stdin.isTTY === true && flags.json !== true
  const told = whenToldToStop()
  const announcer = new Announcer(terminal, flags.json === true)
  const plan = await planDemo(flags)
  const cluster = new DemoCluster(plan, watcherOf(announcer))
  try {
    sayPlan(plan, announcer)
    const parts = await startAll(cluster, announcer)
    const quit = isInteractive ? takeKeys(parts) : undefined
    await Promise.race([told, ...(quit === undefined ? [] : [quit.pressed])])
    quit?.letGo()
    await parts.counter.stop()
    await parts.client.client.close()
  } finally {
    await cluster.stop()
    if (plan.isMemory) await rm(plan.directory, { recursive: true, force: true })
  }
  announcer.say({ event: 'stopped', text: farewell(plan) })
  return EXIT.ok
}

async function startAll(cluster: DemoCluster, announcer: Announcer): Promise<DemoParts> {
  const { plan } = cluster
  await cluster.start()
  const upAt = performance.now()
  for (const { id, address, dataDir } of plan.nodes)
    announcer.say({
      ...{ event: 'node', node: id, pid: cluster.pid(id), address, dataDir },
      text: `  ${id}  pid ${cluster.pid(id)}  ${address}  ${dataDir ?? 'in memory'}`,
    })
  const leader = await cluster.newLeader(0, FIRST_LEADER_TIMEOUT_MS)
  if (leader === undefined) announcer.say({ event: 'noLeader', text: 'nobody leads yet: look at `quorate status`' })
  else {
    const { id, term, at } = leader
    const tookMs = Math.max(0, Math.round(at - upAt))
    announcer.say({
      ...{ event: 'leader', leader: id, term, tookMs },
      text: `leader: ${id} (term ${term}), ${tookMs} ms after the nodes were up`,
    })
  }
  const endpoints = plan.nodes.map(({ address }) => address)
  const client = new KvCluster({ endpoints, timeoutMs: CALL_TIMEOUT_MS })
  const counter = new Counter(client)
  const kept = await counter.start()
  if (cluster.hasOldData)
    announcer.say({
      event: 'resumed',
      counted: kept,
      text: `it goes on with the data of the last run: the counter stands at ${kept}`,
    })
  announcer.note(whatNext(plan))
  return { cluster, client, counter, announcer }
}

function takeKeys(parts: DemoParts): { readonly pressed: Promise<void>; readonly letGo: () => void } {
  parts.announcer.note('keys: k kill the leader  r restart it  p put a value  b 5 s of load  s status  q quit')
  const running = new Set<string>()
  let letGo: () => void = () => undefined
  const pressed = new Promise<void>((resolve) => {
    letGo = listenToKeys((key) => {
      const action = ACTIONS[key]
      if (action === undefined || running.has(key)) return
      running.add(key)
      void guarded(parts, action).then(() => running.delete(key))
    }, resolve)
  })
  return { pressed, letGo }
}

/** The first signal asks for an orderly end; the second ends this process, and with it the nodes, at once. */
function whenToldToStop(): Promise<void> {
  return new Promise((resolve) => {
    let wasTold = false
    const on = (exitCode: number) => (): void => {
      if (wasTold) process.exit(exitCode)
      wasTold = true
      resolve()
    }
    process.on('SIGINT', on(EXIT.interrupted))
    process.on('SIGTERM', on(EXIT.terminated))
    process.on('SIGHUP', on(EXIT.terminated))
  })
}

function watcherOf(announcer: Announcer): {
  leads: (leadership: { id: NodeId; term: number }) => void
  ended: (id: NodeId, ending: Ending) => void
} {
  let term = 0
  return {
    leads: (leadership) => {
      if (term > 0)
        announcer.say({
          event: 'leads',
          leader: leadership.id,
          term: leadership.term,
          text: `${leadership.id} leads term ${leadership.term}`,
        })
      term = leadership.term
    },
    ended: (id, { exitCode, signal }) => {
      const how = signal === null ? `exit code ${exitCode}` : signal
      announcer.say({ event: 'nodeEnded', node: id, exitCode, signal, text: `${id} has ended: ${how}` })
    },
  }
}

function sayPlan(plan: DemoPlan, announcer: Announcer): void {
  const { nodes, busyPort, isMemory, directory } = plan
  if (busyPort !== undefined)
    announcer.say({ event: 'portsMoved', busyPort, text: `port ${busyPort} is in use; taking the next free range` })
  const where = isMemory ? 'in memory' : `in ${directory}/`
  announcer.say({ event: 'starting', nodes: nodes.length, text: `starting ${nodes.length} nodes ${where} …` })
}

function whatNext(plan: DemoPlan): string {
  const endpoints = plan.nodes.map(({ address }) => address).join(',')
  const isUsual = endpoints === '127.0.0.1:7001,127.0.0.1:7002,127.0.0.1:7003'
  return `
try, in another terminal:
${isUsual ? '' : `  export QUORATE_ENDPOINTS=${endpoints}\n`}  npx quorate put greeting hello
  npx quorate get greeting
  npx quorate status
  kill -9 PID      (of any node; then look at the status again)
`
}

function farewell(plan: DemoPlan): string {
  return plan.isMemory ? 'stopped' : `stopped; the data is in ${plan.directory}/; run the demo again to go on with it`
}

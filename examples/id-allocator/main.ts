/**
 * Sixteen workers get ids for orders from three processes, whose leader is killed again and again. Afterwards every order must have one id, and
 * every id one order. `npx tsx examples/id-allocator/main.ts --failovers 20`; with `--no-sessions` the workers try again by themselves.
 */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { isRaftError } from 'quorate'
import { connect } from 'quorate/client'
import { killAll, leaderId, start } from '../processes.ts'
import type { AllocateId, OrdersQuery } from './machine.ts'

const { values } = parseArgs({
  options: {
    failovers: { type: 'string', default: '20' },
    port: { type: 'string', default: '7301' },
    'no-sessions': { type: 'boolean', default: false },
  },
})
const WORKERS = 16
/** The orders between two failovers. */
const ORDERS = 100
const PAGE = 1000

const directory = await mkdtemp(join(tmpdir(), 'id-allocator-'))
const peers = Object.fromEntries(['n1', 'n2', 'n3'].map((id, at) => [id, `127.0.0.1:${Number(values.port) + at}`]))
const processes = new Map<string, ChildProcess>()
for (const id of Object.keys(peers)) startNode(id)

const sessions = !values['no-sessions']
const timeoutMs = 15_000
const client = await connect<AllocateId, number, OrdersQuery, readonly string[]>({
  ...{ endpoints: Object.values(peers), sessions, timeoutMs },
})
/** What the workers were given, by order. */
const given = new Map<string, number>()
const failures: string[] = []
let isStopped = false
const workers = Array.from({ length: WORKERS }, (_, worker) => work(worker))

await orders(ORDERS)
for (let failover = 1; failover <= Number(values.failovers); failover++) {
  const leader = await leaderId(client)
  const child = processes.get(leader) as ChildProcess
  child.kill('SIGKILL')
  await once(child, 'exit')
  await orders(ORDERS)
  startNode(leader)
  await orders(ORDERS)
}
isStopped = true
await Promise.all(workers)

const allocated: string[] = []
for (;;) {
  const page = await client.query({ after: allocated.length, limit: PAGE })
  allocated.push(...page)
  if (page.length < PAGE) break
}
const twice = given.size - new Set(given.values()).size
const skipped = [...allocated.keys()].map((at) => at + 1).filter((id) => given.get(allocated[id - 1] as string) !== id)
console.log(`${values.failovers} failovers ${sessions ? 'with' : 'without'} sessions`)
console.log(`${given.size} orders have an id, ${allocated.length} ids were allocated, ${failures.length} calls failed`)
console.log(`ids that two orders have: ${twice}; ids that no order has: ${skipped.length}`)
for (const id of skipped.slice(0, 3)) {
  const order = allocated[id - 1] as string
  console.log(`  id ${id} was allocated for order ${order}, which has id ${given.get(order)}`)
}
await client.close()
killAll()
await rm(directory, { recursive: true, force: true })
process.exitCode = twice + skipped.length + failures.length === 0 ? 0 : 1

async function work(worker: number): Promise<void> {
  for (let number = 1; !isStopped; number++) {
    const order = `${worker}-${number}`
    while (!given.has(order)) {
      try {
        given.set(order, await client.propose({ order }))
      } catch (error) {
        // What many programs do: try again. Without a session that is a new command.
        failures.push(isRaftError(error) ? error.code : String(error))
      }
    }
  }
}

function startNode(id: string): void {
  processes.set(id, start(new URL('node.ts', import.meta.url), id, directory, JSON.stringify(peers)))
}

/** Waits until this many more orders have an id. */
async function orders(count: number): Promise<void> {
  const goal = given.size + count
  while (given.size < goal) await sleep(20)
}

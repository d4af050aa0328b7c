/**
 * Four workers do the jobs of a queue that three nodes keep. A worker is killed in the middle of a job, and then the leader. Every job is done.
 * `npx tsx examples/job-queue/main.ts`
 */
import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { connect } from 'quorate/client'
import { queueClient, queueCodecs } from 'quorate/recipes'
import { killAll, leaderId, start, until } from '../processes.ts'

const { values } = parseArgs({ options: { port: { type: 'string', default: '7601' } } })
const WORKERS = 4
const JOBS = 100

const directory = await mkdtemp(join(tmpdir(), 'job-queue-'))
const peers = Object.fromEntries(['n1', 'n2', 'n3'].map((id, at) => [id, `127.0.0.1:${Number(values.port) + at}`]))
const endpoints = Object.values(peers)
const node = new URL('node.ts', import.meta.url)
const nodes = new Map(Object.keys(peers).map((id) => [id, start(node, id, directory, JSON.stringify(peers))]))
const client = await connect({ endpoints, timeoutMs: 30_000, ...queueCodecs })
const queue = queueClient<{ order: number }>(client)
await leaderId(client)

/** How often each job was begun, and done. */
const began = new Map<number, number>()
const done = new Map<number, number>()
/** The job that each worker began last. */
const last = new Map<number, number>()
const workers = Array.from({ length: WORKERS }, (_, at) => {
  const worker = start(new URL('worker.ts', import.meta.url), ...endpoints)
  worker.on('message', (message: { readonly began: number } | { readonly done: number }) => {
    if ('began' in message) {
      count(began, message.began)
      last.set(at, message.began)
    } else {
      count(done, message.done)
    }
  })
  return worker
})

for (let order = 1; order <= JOBS; order++) await queue.push({ order }, { id: `order-${order}` })
// The client that pushed it does not know whether it did: it pushes it again.
const { isNew } = await queue.push({ order: JOBS }, { id: `order-${JOBS}` })
console.log(`${JOBS} jobs pushed, the last of them once more: ${isNew ? 'it is new' : 'it is in the queue already'}`)

await until('a tenth of the jobs is done', () => done.size > JOBS / 10)
const victim = workers[0] as ChildProcess
victim.send('die')
await until('the worker is dead', () => victim.signalCode !== null)
const interrupted = last.get(0) as number
console.log(`a worker was killed during job ${interrupted}`)

nodes.get(await leaderId(client))?.kill('SIGKILL')
console.log('the leader was killed')

await until('all jobs are done', () => done.size === JOBS)
const again = [...began].filter(([, times]) => times > 1).map(([order]) => order)
console.log(`${done.size} jobs were done; begun more than once: ${again.join(', ')}`)
const counts = await client.query({ type: 'counts' })
console.log(`left in the queue: ${JSON.stringify(counts)}`)
await client.close()
killAll()
await rm(directory, { recursive: true, force: true })
process.exit(again.includes(interrupted) ? 0 : 1)

function count(times: Map<number, number>, order: number): void {
  times.set(order, (times.get(order) ?? 0) + 1)
}

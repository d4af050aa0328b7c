/**
 * Three workers share a lock of three nodes. The worker that holds it is killed, then the next one is stopped and continued later, and then the
 * leader is killed. `npx tsx examples/lock/main.ts`
 */
import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { connect } from 'quorate/client'
import { killAll, leaderId, start, until } from '../processes.ts'

type Message = { readonly token: number } | { readonly lost: number }

const { values } = parseArgs({ options: { port: { type: 'string', default: '7401' } } })
const WORKERS = 3

const directory = await mkdtemp(join(tmpdir(), 'lock-'))
const peers = Object.fromEntries(['n1', 'n2', 'n3'].map((id, at) => [id, `127.0.0.1:${Number(values.port) + at}`]))

/** The protected resource: it accepts a write only if no larger token has written. */
const resource = { largestToken: 0, writer: 0, writes: 0, rejected: [] as number[] }
const lost = new Set<number>()

const nodes = new Map(
  Object.keys(peers).map((id) => [
    id,
    start(new URL('node.ts', import.meta.url), id, directory, JSON.stringify(peers)),
  ]),
)
const client = await connect({ endpoints: Object.values(peers) })
await leaderId(client)
const workers = Array.from({ length: WORKERS }, (_, at) => {
  const worker = start(new URL('worker.ts', import.meta.url), ...Object.values(peers))
  worker.on('message', (message: Message) => onMessage(at + 1, message))
  return worker
})

await until('a worker writes', () => resource.writes > 0)
console.log(`worker ${resource.writer} holds the lock with token ${resource.largestToken}`)

const killed = takeFrom('SIGKILL')
await killed.next()
console.log(`its process was killed: token ${resource.largestToken} came ${killed.elapsed()} s later`)

const stopped = takeFrom('SIGSTOP')
await stopped.next()
console.log(`its process was stopped: token ${resource.largestToken} came ${stopped.elapsed()} s later`)
stopped.worker.kill('SIGCONT')
await until('the stopped worker notices', () => lost.has(stopped.token))
console.log(
  `it continued and noticed that it lost the lock: ${resource.rejected.length > 0 ? 'what it had begun to write was rejected' : 'it wrote nothing'}`,
)

const token = resource.largestToken
nodes.get(await leaderId(client))?.kill('SIGKILL')
const writes = resource.writes
await sleep(2500)
await until('a worker writes', () => resource.writes > writes)
console.log(`the leader was killed: token ${token} ${lost.has(token) ? 'was lost' : 'is still held'}`)

const wrong = resource.rejected.filter((each) => each !== stopped.token)
console.log(`${resource.writes} writes in the order of their tokens, ${wrong.length} unexpected ones rejected`)
await client.close()
killAll()
await rm(directory, { recursive: true, force: true })
process.exit(wrong.length === 0 ? 0 : 1)

function onMessage(writer: number, message: Message): void {
  if ('lost' in message) lost.add(message.lost)
  else if (message.token < resource.largestToken) resource.rejected.push(message.token)
  else Object.assign(resource, { largestToken: message.token, writer, writes: resource.writes + 1 })
}

/** Sends a signal to the worker that holds the lock. `next` waits for a write of another one. */
function takeFrom(signal: NodeJS.Signals) {
  const { largestToken: token, writer } = resource
  const worker = workers[writer - 1] as ChildProcess
  worker.kill(signal)
  const since = performance.now()
  return {
    ...{ worker, token },
    next: () => until('another worker writes', () => resource.largestToken > token),
    elapsed: () => ((performance.now() - since) / 1000).toFixed(1),
  }
}

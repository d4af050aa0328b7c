/**
 * A program keeps a copy of its settings, which three nodes store. The settings are changed while the leader is killed; the copy gets every change once.
 * `npx tsx examples/config-store/main.ts`
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { connect } from 'quorate/client'
import { kvClient, kvCodecs } from 'quorate/recipes'
import { killAll, leaderId, start, until } from '../processes.ts'
import { Settings } from './settings.ts'

const { values } = parseArgs({ options: { port: { type: 'string', default: '7651' } } })
const CHANGES = 100
const PREFIX = 'settings/'

const directory = await mkdtemp(join(tmpdir(), 'config-store-'))
const peers = Object.fromEntries(['n1', 'n2', 'n3'].map((id, at) => [id, `127.0.0.1:${Number(values.port) + at}`]))
const program = new URL('node.ts', import.meta.url)
const nodes = new Map(Object.keys(peers).map((id) => [id, start(program, id, directory, JSON.stringify(peers))]))
const client = await connect({ endpoints: Object.values(peers), timeoutMs: 30_000, ...kvCodecs })
const store = kvClient(client)

await store.put(`${PREFIX}level`, Buffer.from('info'))
await store.put(`${PREFIX}limit`, Buffer.from('0'))
const settings = new Settings()
await settings.load(client, PREFIX)
console.log(`the copy begins with level ${settings.values.get(`${PREFIX}level`)}`)
const stopping = new AbortController()
const following = settings.follow(client, PREFIX, stopping.signal)

for (let change = 1; change <= CHANGES; change++) {
  if (change === CHANGES / 2) {
    nodes.get(await leaderId(client))?.kill('SIGKILL')
    console.log('the leader was killed')
  }
  // Only if it has not changed since it was read.
  const { index = 0, value } = (await store.get(`${PREFIX}limit`)) ?? {}
  const next = Number(Buffer.from(value ?? []).toString()) + 1
  await store.compareAndSet(`${PREFIX}limit`, { type: 'index', index }, Buffer.from(`${next}`))
}
const late = await store.compareAndSet(`${PREFIX}limit`, { type: 'index', index: 1 }, Buffer.from('old'))
console.log(`a write on top of an old value: ${late.isWritten ? 'written' : 'refused'}`)
await store.delete(`${PREFIX}level`)

await until('the copy is complete', () => !settings.values.has(`${PREFIX}level`))
stopping.abort()
await following
const { entries } = await store.list(PREFIX)
const stored = entries.map(({ key, value }) => `${key}=${Buffer.from(value).toString()}`)
const copied = [...settings.values].map(([key, value]) => `${key}=${value}`)
console.log(`stored: ${stored.join(' ')}`)
console.log(`copied: ${copied.sort().join(' ')}, in ${settings.changes} changes`)
await client.close()
killAll()
await rm(directory, { recursive: true, force: true })
// Each compare-and-set, the refused one, and the deletion.
process.exit(copied.join() === stored.join() && settings.changes === CHANGES + 2 ? 0 : 1)

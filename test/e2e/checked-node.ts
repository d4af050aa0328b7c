/** A process with one node and its health checks over HTTP, in a state that the first argument names. Prints the address; it ends with its standard input. */
import { mkdtempSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NodeChecks, operatorRoutes, serveHttp } from '../../src/http/index.ts'
import { startNode } from '../../src/index.ts'
import { MemoryStorage } from '../../src/memory/index.ts'
import { backUp } from '../../src/operations/back-up.ts'
import { restoreBackup } from '../../src/operations/restore-backup.ts'

const [state] = process.argv.slice(2)
const never = new Promise<never>(() => undefined)
const directory = mkdtempSync(join(tmpdir(), 'quorate-checked-node-'))

/** Its disk hangs from the moment at which `hangs` is set. */
class HangingStorage extends MemoryStorage {
  hangs = false

  override write(...args: Parameters<MemoryStorage['write']>): ReturnType<MemoryStorage['write']> {
    return this.hangs ? never : super.write(...args)
  }
}

const stateMachine = (restore: () => Promise<void>) => ({
  apply: (): string => 'done',
  snapshot: () => [Buffer.from('state')],
  restore,
})
const [listen] = process.argv.slice(3)
const options = { id: 'n1', listen: listen as string, peers: { n1: listen as string } }

const dataDir = join(directory, 'data')

if (state === 'restoring') {
  const machine = stateMachine(async () => undefined)
  const before = await startNode({ ...options, dataDir: join(directory, 'before'), stateMachine: machine })
  await before.propose('anything')
  const backup = join(directory, 'backup')
  await writeFile(backup, backUp(before))
  await before.close()
  await restoreBackup({ backup, directory: dataDir, id: options.id, peers: options.peers })
}

const checks = new NodeChecks({ pendingWriteMsMax: 500 })
const server = await serveHttp({ listen: '127.0.0.1:0', routes: operatorRoutes({ checks }) })
process.stdin.once('end', () => {
  rmSync(directory, { recursive: true, force: true })
  process.exit(0)
})
process.stdin.resume()
console.log(server.address)

const storage = new HangingStorage()
const node = await startNode({
  ...options,
  ...(state === 'hanging' ? { storage } : { dataDir }),
  ...(state === 'full' ? { freeBytesMin: Number.MAX_SAFE_INTEGER } : {}),
  stateMachine: stateMachine(() => (state === 'restoring' ? never : Promise.resolve())),
  observers: [checks],
})
if (state === 'hanging') {
  await node.propose('anything')
  storage.hangs = true
  void node.propose('anything').catch(() => undefined)
}

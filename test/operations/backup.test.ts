/** A backup of a running cluster becomes a new cluster, and a survivor of a lost majority too; neither is taken for the old one. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { readBackup } from '../../src/data-directory/backup-file.ts'
import { DataDirectory } from '../../src/data-directory/data-directory.ts'
import { backUp } from '../../src/operations/back-up.ts'
import { inspectDataDirectory } from '../../src/operations/inspect-data-directory.ts'
import { recoverCluster } from '../../src/operations/recover-cluster.ts'
import { restoreBackup } from '../../src/operations/restore-backup.ts'
import type { RaftNode } from '../../src/runtime/raft-node.ts'
import type { StartOptions } from '../../src/start-node.ts'
import { startNode } from '../../src/start-node.ts'
import { Journal } from '../runtime/virtual-cluster.ts'
import { temporaryDirectory } from '../storage/directory-fixture.ts'

type JournalNode = RaftNode<string, number, string, number>

const IDS = ['n1', 'n2', 'n3'] as const
const QUICK = { electionTimeoutMinMs: 300, electionTimeoutMaxMs: 600, heartbeatIntervalMs: 50 }

describe('a cluster with data', function () {
  this.timeout(60_000)
  let root: string
  let peers: Record<string, string>
  const machines = new Map<JournalNode, Journal>()
  let nodes: JournalNode[] = []
  beforeEach(async () => {
    root = await temporaryDirectory()
    peers = Object.fromEntries(await Promise.all(IDS.map(async (id) => [id, await freeAddress()])))
  })
  afterEach(async () => {
    await stop()
    await rm(root, { recursive: true, force: true })
  })

  async function start(
    id: string,
    dataDir: string,
    options: Partial<StartOptions<string, number, string, number>> = {},
  ): Promise<JournalNode> {
    const machine = new Journal()
    const node = await startNode<string, number, string, number>({
      ...{ id, peers, listen: peers[id], dataDir: join(root, dataDir), storage: 'segments', stateMachine: machine },
      ...{ ...QUICK, ...options },
    })
    machines.set(node, machine)
    nodes.push(node)
    return node
  }

  async function stop(): Promise<void> {
    await Promise.all(nodes.map((node) => node.close()))
    nodes = []
  }

  const startAll = (directory: string) => Promise.all(IDS.map((id) => start(id, join(directory, id))))
  const write = async (command: string): Promise<number> => {
    const leading = nodes.map((node) => node.until(({ role }) => role === 'leader').then(() => node))
    return (await Promise.any(leading)).propose(command)
  }
  const entriesOf = async (node: JournalNode) => {
    await node.read(() => undefined)
    return machines.get(node)?.entries
  }

  it('is continued by a new one that is restored from a backup of any node', async () => {
    const [first, , third] = await startAll('old')
    assert.ok(first !== undefined && third !== undefined)
    for (const command of ['a', 'b', 'c']) await write(command)
    const backup = join(root, 'backup')
    await pipeline(backUp(third), createWriteStream(backup))
    await write('d')
    await stop()
    const restored = await Promise.all(
      IDS.map((id) => restoreBackup({ backup, directory: join(root, 'new', id), id, peers, storage: 'segments' })),
    )
    const { clusterId, info } = await readBackup(backup)
    assert.deepEqual(new Set(restored.map(({ cluster }) => cluster)).size, 1)
    assert.notEqual(restored[0]?.cluster, clusterId)
    const [n1, n2] = await startAll('new')
    assert.ok(n1 !== undefined && n2 !== undefined)
    assert.deepEqual(await entriesOf(n2), ['a', 'b', 'c'])
    assert.equal(await write('e'), 4)
    assert.ok(n1.statusNow().commitIndex > info.index)
  })

  it('is not restored from a damaged backup, and no directory is left', async () => {
    const [first] = await startAll('old')
    await write('a')
    const chunks: Uint8Array[] = []
    for await (const chunk of backUp(first as JournalNode)) chunks.push(chunk)
    const bytes = Buffer.concat(chunks)
    for (const at of [0, Math.floor(bytes.length / 2), bytes.length - 70, bytes.length - 1]) {
      const damaged = Buffer.from(bytes)
      damaged.writeUInt8((damaged[at] as number) ^ 1, at)
      await assert.rejects(restore(damaged), { code: 'ERR_RAFT_CORRUPT' }, `byte ${at}`)
      await assert.rejects(restore(bytes.subarray(0, at)), { code: 'ERR_RAFT_CORRUPT' }, `up to ${at}`)
    }
    assert.deepEqual(await readdir(root), ['old'])
    await mkdir(join(root, 'new'))
    await writeFile(join(root, 'new', 'file'), '')
    await assert.rejects(restore(bytes), { code: 'ERR_RAFT_OPTIONS', message: /directory must be new or empty/ })
    assert.deepEqual(await readdir(join(root, 'new')), ['file'])
  })

  async function restore(bytes: Uint8Array): Promise<void> {
    async function* backup() {
      yield bytes
    }
    await restoreBackup({ backup: backup(), directory: join(root, 'new'), id: 'n1', peers, storage: 'segments' })
  }

  it('is recovered from one survivor as a new cluster, which stops the members of the old one', async () => {
    const [first] = await startAll('old')
    for (const command of ['a', 'b']) await write(command)
    assert.deepEqual(await entriesOf(first as JournalNode), ['a', 'b'])
    await assert.rejects(recover(), { code: 'ERR_RAFT_DATA_DIR_LOCKED' })
    await stop()
    const identity = await readFile(join(root, 'old', 'n1', 'IDENTITY'), 'utf8')
    const { fromCluster, cluster, nodeId } = await recover()
    assert.equal(nodeId, 'n1')
    assert.ok(identity.includes(fromCluster) && fromCluster !== cluster)
    const survivor = await start('n1', 'old/n1', { peers: { n1: peers.n1 as string } })
    assert.equal(await survivor.until(({ role }) => role === 'leader').then(() => survivor.propose('c')), 3)
    const other = await start('n2', 'old/n2')
    assert.equal((await other.failed).code, 'ERR_RAFT_CLUSTER_REPLACED')
    assert.deepEqual(await entriesOf(survivor), ['a', 'b', 'c'])
  })

  it('has no leader in the old cluster if its recovery was interrupted, which can be repeated', async () => {
    const [first] = await startAll('old')
    await write('a')
    // n1 may be behind the majority that has the entry.
    assert.deepEqual(await entriesOf(first as JournalNode), ['a'])
    await stop()
    const directory = new DataDirectory(join(root, 'old', 'n1'))
    const identity = await directory.requireIdentity()
    const lost = identity.clusterId
    await directory.replaceCluster(identity, { clusterId: 'c-interrupted', replacedClusterId: lost })
    assert.equal((await inspectDataDirectory({ directory: directory.path })).interruptedRecoveryOf, lost)
    const other = await start('n2', 'old/n2')
    const interrupted = await start('n1', 'old/n1')
    await assert.rejects(interrupted.propose('b', { timeoutMs: 1500 }), { outcome: 'not-applied' })
    assert.notEqual(interrupted.statusNow().role, 'leader')
    assert.notEqual(other.statusNow().role, 'leader')
    await stop()
    assert.equal((await recover({ cluster: 'c-interrupted' })).fromCluster, lost)
    assert.equal((await inspectDataDirectory({ directory: directory.path })).interruptedRecoveryOf, undefined)
    const survivor = await start('n1', 'old/n1', { peers: { n1: peers.n1 as string } })
    assert.equal(await survivor.until(({ role }) => role === 'leader').then(() => survivor.propose('c')), 2)
    const late = await start('n2', 'old/n2')
    assert.equal((await late.failed).code, 'ERR_RAFT_CLUSTER_REPLACED')
  })

  function recover(options: { readonly cluster?: string } = {}) {
    return recoverCluster({ directory: join(root, 'old', 'n1'), address: peers.n1 as string, ...options })
  }
})

async function freeAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return `127.0.0.1:${port}`
}

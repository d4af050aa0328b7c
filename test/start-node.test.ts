import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '../src/connect.ts'
import type { NodeStatus } from '../src/contracts/node-service.ts'
import type { NodeEvent } from '../src/contracts/observer.ts'
import type { RaftError } from '../src/errors.ts'
import { MemoryDisk } from '../src/memory/memory-disk.ts'
import { MemoryStorage } from '../src/memory/memory-storage.ts'
import { MemoryNetwork } from '../src/memory/memory-transport.ts'
import type { RaftNode } from '../src/runtime/raft-node.ts'
import { startNode } from '../src/start-node.ts'
import { TcpProxy } from '../src/testing/network/tcp-proxy.ts'
import { eventually, freePort } from './e2e/real-cluster.ts'
import { NODE } from './peer-link/certificates.ts'
import { Journal } from './runtime/virtual-cluster.ts'

type JournalNode = RaftNode<string, number, string, number>

describe('startNode, with gRPC and RocksDB', function () {
  this.timeout(20_000)
  let directory: string
  let peers: Record<string, string>
  let nodes: JournalNode[] = []

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'start-node-'))
    peers = Object.fromEntries(await Promise.all(['n1', 'n2', 'n3'].map(async (id) => [id, await freeAddress()])))
  })

  afterEach(async () => {
    await Promise.all(nodes.map((node) => node.close()))
    nodes = []
  })

  after(() => rm(directory, { recursive: true, force: true }))

  const start = async (id: string, changed = {}): Promise<JournalNode> => {
    const options = {
      id,
      peers,
      listen: peers[id],
      dataDir: join(directory, id),
      stateMachine: new Journal(),
      ...QUICK,
    }
    const node = await startNode<string, number, string, number>({ ...options, ...changed })
    nodes.push(node)
    return node
  }

  for (const peerTransport of ['tcp', 'grpc'] as const)
    it(`connects to peers through its routes, over ${peerTransport}: a cut route leaves it without a leader`, async () => {
      const proxies = await Promise.all(['n1', 'n2'].map((id) => new TcpProxy(peers[id] as string).listen()))
      const routes = { n1: proxies[0]?.address, n2: proxies[1]?.address }
      const fresh = (id: string) => ({ dataDir: join(directory, `routed-${peerTransport}-${id}`), peerTransport })
      const [one, , routed] = await Promise.all([
        start('n1', { ...fresh('n1'), routes: { n3: CLOSED } }),
        start('n2', { ...fresh('n2'), routes: { n3: CLOSED } }),
        start('n3', { ...fresh('n3'), routes }),
      ])
      await eventually('the leader of n3', async () => routed.statusNow().leader)
      await (await leaderOf(nodes)).propose('a')
      assert.equal(one.statusNow().membership.members.find(({ id }) => id === 'n3')?.address, peers.n3)
      for (const proxy of proxies) proxy.cut()
      await eventually('no leader at n3', async () => routed.statusNow().leader === undefined || undefined)
      for (const proxy of proxies) proxy.heal()
      await eventually('the leader of n3', async () => routed.statusNow().leader)
      await Promise.all(proxies.map((proxy) => proxy.close()))
    })

  it('runs a cluster that still has every acknowledged write after all nodes are restarted', async () => {
    await Promise.all(Object.keys(peers).map((id) => start(id)))
    const leader = await leaderOf(nodes)
    assert.equal(await leader.propose('a'), 1)
    await Promise.all(nodes.map((node) => node.close()))
    nodes = []
    await Promise.all(Object.keys(peers).map((id) => start(id)))
    assert.equal(await (await leaderOf(nodes)).propose('b'), 2)
  })

  for (const every of ['0.0.0.0', '[::]'])
    it(`needs no \`advertise\` to listen on ${every} if \`peers\` has its own address`, async () => {
      const own = peers.n1 as string
      const alone = { peers: { n1: own }, dataDir: join(directory, `alone-${every.length}`) }
      const listen = own.replace('127.0.0.1', every)
      await assert.rejects(start('n1', { ...alone, listen }), {
        code: 'ERR_RAFT_OPTIONS',
        message: /everybody there would be trusted/,
      })
      const node = await start('n1', { ...alone, listen, insecure: true })
      assert.equal(node.statusNow().address, own)
    })

  it('finds members that have all moved by the addresses in `peers`, and reports each difference', async () => {
    const home = { peers, dataDir: (id: string) => join(directory, `moving-${id}`) }
    const ids = Object.keys(peers)
    await Promise.all(ids.map((id) => start(id, { dataDir: home.dataDir(id) })))
    assert.equal(await (await leaderOf(nodes)).propose('a'), 1)
    await Promise.all(nodes.map((node) => node.close()))
    nodes = []
    const away = Object.fromEntries(await Promise.all(ids.map(async (id) => [id, await freeAddress()] as const)))
    const differences: unknown[] = []
    const observers = [{ event: (_: string, event: NodeEvent) => void differences.push(...differenceIn(event)) }]
    await Promise.all(
      ids.map((id) => start(id, { dataDir: home.dataDir(id), peers: away, listen: away[id], observers })),
    )
    const leader = await leaderOf(nodes)
    assert.equal(await leader.propose('b'), 2)
    assert.deepEqual(
      new Set(differences),
      new Set(ids.map((id) => `${id} is recorded at ${peers[id]}, given ${away[id]}`)),
    )
    for (const node of nodes) assert.equal(node.statusNow().leaderAddress, away[leader.id])
  })

  it('serves clients on the port of the peers', async () => {
    await Promise.all(Object.keys(peers).map((id) => start(id)))
    await leaderOf(nodes)
    const client = await connect<string, number>({ endpoints: Object.values(peers) })
    try {
      assert.equal(await client.propose('c'), 3)
    } finally {
      await client.close()
    }
  })

  it('serves clients at `listen` beside a transport of one’s own, and closes both', async () => {
    const network = new MemoryNetwork()
    const own = { n1: 'n1', n2: 'n2', n3: 'n3' }
    const dataDir = (id: string): string => join(directory, `beside-${id}`)
    await Promise.all(
      Object.keys(peers).map((id) => start(id, { peers: own, transport: network.transport(id), dataDir: dataDir(id) })),
    )
    const client = await connect<string, number>({ endpoints: Object.values(peers) })
    try {
      for (const result of [1, 2, 3]) assert.equal(await client.propose('a'), result)
      const statuses = (await client.status()).flatMap((each) => ('status' in each ? [each.status] : []))
      assert.deepEqual(
        statuses.map(({ address }) => address),
        ['n1', 'n2', 'n3'],
      )
    } finally {
      await client.close()
    }
    await Promise.all(nodes.map((node) => node.close()))
    for (const address of Object.values(peers)) await assertFree(address)
  })

  it('closes the transport of one’s own if `listen` is in use', async () => {
    const transport = new MemoryNetwork().transport('n1')
    const taken = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => taken.once('listening', resolve))
    const listen = `127.0.0.1:${(taken.address() as AddressInfo).port}`
    const options = { peers: { n1: 'n1' }, transport, listen, dataDir: join(directory, 'beside') }
    await assert.rejects(start('n1', options), { code: 'ERR_RAFT_PORT_IN_USE' })
    taken.close()
    assert.equal(transport.send('n1', { type: 'TimeoutNow', term: 1 }), false)
    await start('n1', { ...options, transport: new MemoryNetwork().transport('n1') })
  })

  it('refuses options that a transport of one’s own leaves without effect', async () => {
    const transport = new MemoryNetwork().transport('n1')
    const ignored = { advertise: '127.0.0.1:7', peerTransport: 'grpc', listen: undefined, tls: NODE }
    await assert.rejects(start('n1', { transport, ...ignored }), (error: RaftError) => {
      assert.equal(error.code, 'ERR_RAFT_OPTIONS')
      for (const path of ['advertise', 'peerTransport', 'tls']) assert.match(error.message, new RegExp(`${path} `))
      return true
    })
  })

  it('refuses a limit of writes on the thread of JavaScript for a storage that makes none', async () => {
    const own = new MemoryStorage({ disk: new MemoryDisk() })
    for (const [storage, words] of [
      ['rocksdb', 'RocksDB keeps this log'],
      [own, 'a Storage of your own decides where it writes'],
    ] as const)
      await assert.rejects(start('n1', { storage, immediateWriteBytesMax: 0 }), (error: RaftError) => {
        assert.ok(error.message.includes(`immediateWriteBytesMax is only for storage 'segments', and ${words}`))
        return error.code === 'ERR_RAFT_OPTIONS'
      })
  })

  it('changes its nodes one by one to connect over TCP, while clients use the same ports', async () => {
    const dataDir = (id: string): string => join(directory, `changing-${id}`)
    await Promise.all(Object.keys(peers).map((id) => start(id, { dataDir: dataDir(id) })))
    const client = await connect<string, number>({ endpoints: Object.values(peers) })
    try {
      assert.equal(await client.propose('a'), 1)
      for (const [offset, id] of Object.keys(peers).entries()) {
        await nodes.find((node) => node.id === id)?.close()
        nodes = nodes.filter((node) => node.id !== id)
        await start(id, { dataDir: dataDir(id), peerTransport: 'tcp' })
        assert.equal(await client.propose('b'), 2 + offset)
      }
      const statuses = await client.status()
      assert.deepEqual(
        statuses.map((each) => ('status' in each ? [each.status.peerTransport, each.status.protection] : each.error)),
        [1, 2, 3].map(() => ['tcp', 'none']),
      )
    } finally {
      await client.close()
    }
  })

  for (const peerTransport of ['tcp', 'grpc'] as const)
    it(`replicates what a node says of itself, and names it to clients, over ${peerTransport}`, async () => {
      const dataDir = (id: string): string => join(directory, `metadata-${peerTransport}-${id}`)
      const describedAs = (id: string, version: number) => ({ http: `https://${id}.example`, version: `${version}` })
      const said = ({ membership }: NodeStatus) => membership.members.map(({ metadata }) => metadata?.version)
      for (const id of Object.keys(peers))
        await start(id, { dataDir: dataDir(id), peerTransport, metadata: describedAs(id, 1) })
      const last = nodes.at(-1) as JournalNode
      const first = await last.until((status) => said(status).join() === '1,1,1', { timeoutMs: 20_000 })
      const follower = nodes.find(({ id }) => id !== first.leader) as JournalNode
      await follower.until((status) => said(status).join() === '1,1,1', { timeoutMs: 20_000 })
      await assert.rejects(follower.propose('a', { forward: false }), (error: RaftError) => {
        assert.deepEqual(error.leader?.metadata, describedAs(first.leader ?? '', 1))
        return true
      })
      await follower.close()
      nodes = nodes.filter((node) => node !== follower)
      await start(follower.id, { dataDir: dataDir(follower.id), peerTransport })
      const expected = Object.keys(peers).map((id) => (id === follower.id ? undefined : '1'))
      const other = nodes.find(({ id }) => id !== follower.id) as JournalNode
      await other.until((status) => said(status).join() === expected.join(), { timeoutMs: 20_000 })
    })

  it('keeps the cluster id of its directory if the addresses in its options change', async () => {
    const moved = { ...peers, n3: '127.0.0.1:1' }
    const node = await start('n1', { peers: moved })
    assert.equal(node.statusNow().membership.members[2]?.address, peers.n3)
  })

  it('rejects a directory of another cluster, and one that is in use', async () => {
    await assert.rejects(start('n1', { cluster: 'another' }), { code: 'ERR_RAFT_CLUSTER_MISMATCH' })
    await start('n1')
    await assert.rejects(start('n1', { listen: await freeAddress() }), { code: 'ERR_RAFT_DATA_DIR_LOCKED' })
  })

  it('closes the directory if the port is in use', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => taken.once('listening', resolve))
    const listen = `127.0.0.1:${(taken.address() as AddressInfo).port}`
    await assert.rejects(start('n1', { listen }), { code: 'ERR_RAFT_PORT_IN_USE' })
    taken.close()
    await start('n1')
  })
})

/** Nothing listens here. */
const CLOSED = '127.0.0.1:1'
const QUICK = { electionTimeoutMinMs: 300, electionTimeoutMaxMs: 600, heartbeatIntervalMs: 50 }

async function leaderOf(nodes: readonly JournalNode[]): Promise<JournalNode> {
  return Promise.any(nodes.map((node) => node.until(({ role }) => role === 'leader').then(() => node)))
}

function differenceIn(event: NodeEvent): string[] {
  if (event.type !== 'addressDiffers') return []
  return [`${event.peer} is recorded at ${event.recorded}, given ${event.given}`]
}

async function assertFree(address: string): Promise<void> {
  const [host, port] = address.split(':')
  const server = createServer()
  await new Promise<void>((resolve, reject) => server.on('error', reject).listen(Number(port), host, resolve))
  await new Promise((resolve) => server.close(resolve))
}

async function freeAddress(): Promise<string> {
  return `127.0.0.1:${await freePort()}`
}

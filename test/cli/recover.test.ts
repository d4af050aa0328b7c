/** Tests of `quorate recover` beside nodes that still run: it refuses unless the majority is lost. */
import assert from 'node:assert/strict'
import { cp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { KvAnswer, KvCommand, KvQuery, KvResult } from '../../src/kv/index.ts'
import { KeyValueMachine, kvAnswerCodec, kvCommandCodec, kvQueryCodec, kvResultCodec } from '../../src/kv/index.ts'
import type { RaftNode } from '../../src/runtime/raft-node.ts'
import { startNode } from '../../src/start-node.ts'
import { runInProcess } from '../e2e/command.ts'
import { freePort } from '../e2e/real-cluster.ts'
import { temporaryDirectory } from '../storage/directory-fixture.ts'

const SECRET = 'a secret of more than sixteen bytes'
const CLUSTER = 'lost'

describe('quorate recover', function () {
  this.timeout(60_000)
  const nodes = new Map<string, RaftNode<KvCommand, KvResult, KvQuery, KvAnswer>>()
  let addresses: Record<string, string>
  let root: string

  beforeEach(async () => {
    root = await temporaryDirectory()
    await writeFile(join(root, 'secret'), SECRET)
    const ids = ['n1', 'n2', 'n3', 'n4']
    addresses = Object.fromEntries(
      await Promise.all(ids.map(async (id) => [id, `127.0.0.1:${await freePort()}`] as const)),
    )
  })

  afterEach(async () => {
    await stop(...nodes.keys())
    await rm(root, { recursive: true, force: true })
  })

  it('refuses while a quorum responds, and if nodes that may be one do not accept it', async () => {
    await startAll({ clusterSecret: SECRET })
    await stop('n1')
    await assertRefused(['n1'], /^error: the cluster has a quorum: n2, n3 respond\n/, '--cluster-secret')
    await assertRefused(['n1'], /^error: the majority may not be lost: a node responds at the address of n2 .*, n3 /)
  })

  it('refuses while a quorum of later members responds, which the survivor does not know', async () => {
    await startAll()
    await stop('n1')
    await leaderOf('n2', 'n3').then((leader) => leader.changeMembership({ remove: ['n1'] }))
    await start('n4', { join: true })
    const address = addresses.n4 as string
    await leaderOf('n2', 'n3').then((leader) =>
      leader.changeMembership({ add: [{ id: 'n4', address, promote: true }] }),
    )
    const isVoter = (leader: { readonly membership: { readonly voters: readonly string[] } }) =>
      leader.membership.voters.includes('n4')
    await leaderOf('n2', 'n3').then((leader) => leader.until(isVoter, { timeoutMs: 20_000 }))
    await leaderOf('n2', 'n3').then((leader) => leader.changeMembership({ remove: ['n3'] }))
    await leaderOf('n2', 'n4')
    await stop('n3')
    await assertRefused(['n1'], /^error: the cluster has a quorum: n2, n4 respond\n/)
  })

  it('finds members that have moved since the survivor was stopped at the addresses that it is given', async () => {
    await startAll()
    await stop('n1', 'n2', 'n3')
    const moved = { n2: `127.0.0.1:${await freePort()}`, n3: `127.0.0.1:${await freePort()}` }
    const peers = { n1: addresses.n1, ...moved }
    const clusterSecret = SECRET
    for (const id of ['n2', 'n3'] as const) await start(id, { listen: moved[id], peers, clusterSecret })
    await leaderOf('n2', 'n3')
    const endpoints = ['--endpoints', moved.n2, '--cluster-secret']
    await assertRefused(['n1'], /^error: the cluster has a quorum: n2, n3 respond\n/, ...endpoints)
    const unknown = new RegExp(
      `the majority may not be lost: a node responds at ${moved.n2} \\(.*takes only connections`,
    )
    await assertRefused(['n1'], unknown, '--endpoints', moved.n2)
  })

  it('refuses if the survivors and those that respond are a quorum', async () => {
    await startAll()
    await stop('n1', 'n2')
    await assertRefused(['n1'], /^error: the majority is not lost: n3, n1 are a quorum\n.*start all of them/)
    await stop('n3')
    await assertRefused(['n1', 'n2'], /^error: the majority is not lost: n1, n2 are a quorum\n/)
    const { exitCode, stderr } = await recover(['n1'], '--dry-run')
    assert.deepEqual([exitCode, stderr.split('\n').at(-2)], [0, 'nothing was changed (dry run)'], stderr)
  })

  it('continues an interrupted recovery with the same arguments, and warns at another survivor of the new cluster', async () => {
    await startAll()
    await stop('n1', 'n2', 'n3')
    await cp(join(root, 'n1'), join(root, 'before'), { recursive: true })
    assert.equal((await recover(['n1'], '--confirm', CLUSTER, '--cluster', 'new')).exitCode, 0)
    // The identity is replaced before the log is written.
    await cp(join(root, 'n1', 'IDENTITY'), join(root, 'before', 'IDENTITY'))
    await rm(join(root, 'n1'), { recursive: true })
    await cp(join(root, 'before'), join(root, 'n1'), { recursive: true })
    const inspected = await runInProcess(['data', 'inspect', join(root, 'n1')])
    assert.match(inspected.stdout, /recovery +of cluster lost, interrupted: repeat "quorate recover"/)
    const repeated = await recover(['n1'], '--confirm', CLUSTER, '--cluster', 'new')
    assert.deepEqual(
      [repeated.exitCode, repeated.stdout.split('\n')[0]?.endsWith('(it was a member of lost)')],
      [0, true],
    )
    await start('n1', { peers: { n1: addresses.n1 as string }, cluster: 'new' })
    const { stderr } = await recover(['n2'], '--dry-run')
    assert.match(stderr, /the address of n1, a node of cluster new responds: .* do not make a second one/)
  })

  async function start(id: string, options: object = {}): Promise<void> {
    const { n4: _, ...peers } = addresses
    const node = await startNode<KvCommand, KvResult, KvQuery, KvAnswer>({
      ...{ id, peers, listen: addresses[id], dataDir: join(root, id), storage: 'segments', cluster: CLUSTER },
      ...{ stateMachine: new KeyValueMachine(), codec: kvCommandCodec, resultCodec: kvResultCodec },
      ...{ queryCodec: kvQueryCodec, answerCodec: kvAnswerCodec, ...options },
    })
    nodes.set(id, node)
  }

  async function startAll(options: object = {}): Promise<void> {
    await Promise.all(['n1', 'n2', 'n3'].map((id) => start(id, options)))
    const leader = await leaderOf('n1', 'n2', 'n3')
    const { commitIndex } = leader.statusNow()
    await Promise.all([...nodes.values()].map((node) => node.until((status) => status.commitIndex >= commitIndex)))
  }

  async function stop(...ids: readonly string[]): Promise<void> {
    await Promise.all(ids.map((id) => nodes.get(id)?.close()))
    for (const id of ids) nodes.delete(id)
  }

  function leaderOf(...ids: readonly string[]) {
    const running = ids.flatMap((id) => nodes.get(id) ?? [])
    return Promise.any(
      running.map((node) =>
        node
          .until(({ role, commitIndex }) => role === 'leader' && commitIndex > 0, { timeoutMs: 20_000 })
          .then(() => node),
      ),
    )
  }

  function recover(ids: readonly string[], ...flags: readonly string[]) {
    const secret = flags.includes('--cluster-secret') ? [join(root, 'secret')] : []
    const directories = ids.map((id) => join(root, id))
    return runInProcess([
      'recover',
      ...directories,
      '--address',
      addresses[ids[0] as string] as string,
      ...flags,
      ...secret,
    ])
  }

  async function assertRefused(ids: readonly string[], why: RegExp, ...flags: readonly string[]): Promise<void> {
    const { exitCode, stderr } = await recover(ids, '--confirm', CLUSTER, ...flags)
    assert.match(stderr, why)
    assert.equal(exitCode, 5)
  }
})

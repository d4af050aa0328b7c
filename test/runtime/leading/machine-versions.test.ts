/** The version of the state machine of a cluster whose nodes run different releases of it. `RUNS=200` makes more random runs. */
import assert from 'node:assert/strict'
import type { ApplyContext } from '../../../src/contracts/state-machine.ts'
import type { NodeId } from '../../../src/core/types.ts'
import { isRaftError } from '../../../src/errors.ts'
import { SeededRandom } from '../../../src/testing/simulation/seeded-random.ts'
import type { JournalNode } from '../virtual-cluster.ts'
import { Journal, VirtualCluster } from '../virtual-cluster.ts'

const RUNS = Number(process.env.RUNS ?? 8)
const IDS = ['a', 'b', 'c'] as const

/** The command 'v2 …' needs version 2. A machine of an earlier version must never get it, not even as an entry of the log. */
class VersionedJournal extends Journal {
  readonly machineVersion: number
  /** The version in force at each entry. */
  versions: number[] = []

  constructor(machineVersion: number) {
    super()
    this.machineVersion = machineVersion
  }

  commandVersion(command: string): number {
    return Number(/^v(\d+) /.exec(command)?.[1] ?? 1)
  }

  override apply(command: string, { machineVersion }: ApplyContext = { index: 0, term: 0, machineVersion: 0 }): number {
    assert.ok(machineVersion <= this.machineVersion, 'the version in force is supported')
    assert.ok(this.commandVersion(command) <= machineVersion, 'the version that the command needs is in force')
    this.versions.push(machineVersion)
    return super.apply(command)
  }
}

describe('the machine version', () => {
  let cluster: VirtualCluster
  const machines = new Map<NodeId, VersionedJournal>()

  async function start(id: NodeId, version: number): Promise<JournalNode> {
    const machine = new VersionedJournal(version)
    const node = await cluster.start(id, { stateMachine: machine })
    machines.set(id, machine)
    return node
  }

  async function startAll(...versions: readonly number[]): Promise<JournalNode> {
    for (const [offset, version] of versions.entries()) await start(IDS[offset] as NodeId, version)
    return cluster.leader()
  }

  async function restart(id: NodeId, version: number): Promise<JournalNode> {
    cluster.crash(id)
    return start(id, version)
  }

  const inForce = (id: NodeId): number | undefined => cluster.node(id).statusNow().machine?.inForce
  const propose = (node: JournalNode, command: string): Promise<number> =>
    cluster.runUntilSettled(node.propose(command))
  const isTooNew = (error: unknown): boolean => isRaftError(error, 'ERR_RAFT_COMMAND_TOO_NEW')
  const isTooOld = (error: unknown): boolean => isRaftError(error, 'ERR_RAFT_MACHINE_TOO_OLD')

  beforeEach(() => {
    cluster = new VirtualCluster(IDS.join(' '), { trailingEntries: 0, laggardBytesMax: 0 })
  })
  afterEach(() => cluster.close())

  it('is 1 while machines do not say otherwise', async () => {
    const leader = await cluster.startAll().then(() => cluster.leader())
    await cluster.advance(3000)
    const { machine, lastIndex } = leader.statusNow()
    assert.deepEqual(machine, { inForce: 1, supported: 1, peers: machine?.peers })
    // The no-op of the leader, and the entry that binds the directories of the members.
    assert.ok(lastIndex <= 3, `${lastIndex} entries`)
  })

  it('is raised once every member supports a higher one, and is then the same for all of them', async () => {
    const leader = await startAll(3, 2, 3)
    await cluster.runUntil(() => IDS.every((id) => inForce(id) === 2))
    await propose(leader, 'v2 a')
    await cluster.advance(1000)
    for (const machine of machines.values()) assert.deepEqual([machine.entries, machine.versions], [['v2 a'], [2]])
  })

  it('keeps a command that needs more out of the log, on every node', async () => {
    const leader = await startAll(2, 1, 2)
    await cluster.advance(3000)
    const { lastIndex } = leader.statusNow()
    for (const node of cluster.nodes.values()) {
      const rejected = { code: 'ERR_RAFT_COMMAND_TOO_NEW', outcome: 'not-applied', retryable: true } as const
      await assert.rejects(cluster.runUntilSettled(node.propose('v2 a')), rejected)
      await assert.rejects(cluster.runUntilSettled(node.proposeBytes(Buffer.from('"v2 a"'))), isTooNew)
    }
    assert.equal(leader.statusNow().lastIndex, lastIndex)
    await restart('b', 2)
    await cluster.runUntil(() => inForce('b') === 2)
    assert.equal(await propose(cluster.node('b'), 'v2 a'), 1)
  })

  it('is held back by a member that is down, and by a learner', async () => {
    await startAll(2, 2, 2)
    cluster.crash('c')
    // The connection of before counts no more: the node may come back with an earlier release.
    await cluster.advance(2000)
    const leader = await cluster.leader()
    const before = leader.statusNow().machine?.inForce
    assert.ok(before === 1 || before === 2)
    if (before === 1) await assert.rejects(propose(leader, 'v2 a'), isTooNew)
    await start('c', 2)
    await cluster.runUntil(() => inForce('c') === 2)
    cluster.peers.d = 'memory:d'
    await cluster.runUntilSettled(leader.changeMembership({ add: [{ id: 'd', address: 'memory:d' }] }))
    for (const id of IDS) await restart(id, 3)
    await cluster.advance(5000)
    assert.deepEqual(IDS.map(inForce), [2, 2, 2])
    machines.set('d', new VersionedJournal(3))
    const { clusterId } = leader.statusNow()
    const joining = { stateMachine: machines.get('d') as VersionedJournal, join: true, cluster: clusterId }
    await cluster.start('d', joining)
    await cluster.runUntil(() => inForce('a') === 3)
  })

  it('outlives snapshots, restarts and a restore on a node without a log', async () => {
    await startAll(2, 2, 2)
    await cluster.runUntil(() => IDS.every((id) => inForce(id) === 2))
    cluster.crash('c')
    const writer = await cluster.leader()
    await propose(writer, 'v2 a')
    for (const node of cluster.nodes.values()) await cluster.runUntilSettled(node.takeSnapshot())
    await start('c', 2)
    await cluster.runUntil(() => machines.get('c')?.entries.length === 1)
    assert.equal(cluster.eventsOf('c', 'restored').length, 1)
    for (const id of IDS) await restart(id, 2)
    await cluster.runUntil(() => IDS.every((id) => inForce(id) === 2))
  })

  it('stops a node whose machine is too old, before it applies anything newer, and the others refuse it', async () => {
    const leader = await startAll(2, 2, 2)
    await cluster.runUntil(() => IDS.every((id) => inForce(id) === 2))
    await propose(leader, 'v2 a')
    const [{ id }] = cluster.followers(leader) as [JournalNode]
    const old = await restart(id, 1)
    await cluster.runUntil(() => cluster.eventsOf(leader.id, 'peerRefused').length > 0)
    assert.equal(cluster.eventsOf(leader.id, 'peerRefused')[0]?.code, 'ERR_RAFT_MACHINE_TOO_OLD')
    // The entry is in its own log, but it is committed for the node only when a leader says so: a restart of all shows it.
    for (const each of IDS) if (each !== id) await restart(each, 1)
    const errors = await Promise.all(IDS.map((each) => cluster.runUntilSettled(cluster.node(each).failed)))
    assert.ok(errors.every(isTooOld) || isTooOld(await old.failed))
    for (const machine of machines.values()) assert.deepEqual(machine.entries, [])
  })

  it('is refused if it is not a whole number from 1 on', async () => {
    for (const version of [0, 1.5, -1, Number.NaN])
      await assert.rejects(start('a', version), { code: 'ERR_RAFT_OPTIONS' })
    class Broken extends Journal {
      commandVersion(command: string): number {
        if (command === 'throw') throw new Error('broken')
        return 0
      }
    }
    const node = await cluster.start('a', { stateMachine: new Broken() })
    for (const command of ['throw', 'zero'])
      await assert.rejects(cluster.runUntilSettled(node.propose(command)), { code: 'ERR_RAFT_BAD_MESSAGE' })
  })

  for (let seed = 1; seed <= RUNS; seed++)
    it(`keeps its promises while nodes restart with either release (seed ${seed})`, async () => {
      const random = new SeededRandom(seed)
      for (const id of IDS) await start(id, 1)
      let highest = 1
      for (let step = 0; step < 40; step++) {
        const id = random.pick(IDS)
        const action = random.below(6)
        if (action === 0) cluster.crash(id)
        else if (action === 1 || !cluster.nodes.has(id)) {
          if (cluster.nodes.has(id)) cluster.crash(id)
          // Sometimes back to the older release, which stops the node if the newer version is in force.
          await start(id, random.below(4) === 0 ? 1 : 2 + random.below(2)).catch((error) => assert.ok(isTooOld(error)))
        } else if (action === 2) cluster.isolate(id)
        else if (action === 3) for (const each of IDS) cluster.rejoin(each)
        else if (action === 4)
          void cluster
            .node(id)
            .takeSnapshot()
            .catch(() => undefined)
        else
          void cluster
            .node(id)
            .transferLeadership()
            .catch(() => undefined)
        for (const node of cluster.nodes.values())
          for (const command of ['v1 a', 'v2 b', 'v3 c']) void node.propose(`${command}${step}`).catch(() => undefined)
        await cluster.advance(random.below(2000))
        for (const [each, machine] of machines) {
          const versions = machine.versions
          assert.deepEqual(
            versions,
            versions.toSorted((one, other) => one - other),
            `${each} went back`,
          )
          highest = Math.max(highest, ...versions)
        }
        for (const events of cluster.events.values())
          for (const event of events)
            if (event.type === 'failed') assert.equal(event.code, 'ERR_RAFT_MACHINE_TOO_OLD', event.message)
      }
      for (const id of IDS) {
        cluster.rejoin(id)
        if (cluster.nodes.has(id)) cluster.crash(id)
        await start(id, 3)
      }
      await cluster.runUntil(() => IDS.every((id) => inForce(id) === 3))
      await cluster.advance(2000)
      const [first, ...others] = IDS.map((id) => machines.get(id)?.entries)
      for (const other of others) assert.deepEqual(other, first)
      const count = first?.length ?? 0
      assert.equal(await propose(await cluster.leader(), 'v3 end'), count + 1)
    }).timeout(30_000)
})

import assert from 'node:assert/strict'
import type { NodeId } from '../../src/core/types.ts'
import type { RaftError } from '../../src/errors.ts'
import type { MemoryDisk } from '../../src/memory/memory-disk.ts'
import { MemoryStorage } from '../../src/memory/memory-storage.ts'
import type { JournalNode } from './virtual-cluster.ts'
import { VirtualCluster } from './virtual-cluster.ts'

describe('a copy of a data directory', () => {
  let cluster: VirtualCluster
  const clones: JournalNode[] = []

  beforeEach(async () => {
    cluster = new VirtualCluster('n1 n2 n3')
    await cluster.startAll()
    await cluster.leader()
    await propose('before the copy')
    await settled()
  })

  afterEach(async () => {
    for (const node of clones.splice(0)) await node.close()
    await cluster.close()
  })

  it('is rejected if it is older than what its peers have seen, and never opens again', async () => {
    const { id, copy } = await stopAndCopy()
    await cluster.start(id)
    await propose('after the copy')
    await settled()
    assert.equal((await rollBack(id, copy)).code, 'ERR_RAFT_DIRECTORY_ROLLED_BACK')
    assert.ok(cluster.events.get(await leaderId())?.some((event) => event.type === 'peerRefused' && event.peer === id))
    await cluster.node(id).close()
    await assert.rejects(cluster.start(id), { code: 'ERR_RAFT_DIRECTORY_ROLLED_BACK' })
  })

  it('is rejected after a restart of all others, because the log records its boots', async () => {
    const { id, copy } = await stopAndCopy()
    await cluster.start(id)
    await settled()
    for (const other of ids()) cluster.crash(other)
    for (const other of ids()) if (other !== id) await cluster.start(other)
    assert.equal((await rollBack(id, copy, false)).code, 'ERR_RAFT_DIRECTORY_ROLLED_BACK')
  })

  it('is rejected by the leader of another term', async () => {
    const { id, copy } = await stopAndCopy()
    await cluster.start(id)
    await settled()
    await cluster.runUntilSettled(cluster.node(await leaderId()).transferLeadership())
    assert.equal((await rollBack(id, copy)).code, 'ERR_RAFT_DIRECTORY_ROLLED_BACK')
  })

  it('is rejected while the original runs', async () => {
    const { id, copy } = await stopAndCopy()
    await cluster.start(id)
    await settled()
    const original = cluster.node(id)
    const clone = await startClone(id, copy)
    assert.equal((await cluster.runUntilSettled(clone.failed)).code, 'ERR_RAFT_DUPLICATE_DIRECTORY')
    await propose('after the clone')
    assert.equal(original.statusNow().stopped, undefined)
  })

  it('takes the place of the original if it was made while that ran, and the original stops', async () => {
    const id = await followerId()
    const original = cluster.node(id)
    clones.push(original)
    await startClone(id, cluster.disks.get(id)?.copy() as MemoryDisk)
    assert.match(
      (await cluster.runUntilSettled(original.failed)).code,
      /ERR_RAFT_D(UPLICATE_DIRECTORY|IRECTORY_ROLLED_BACK)/,
    )
    await propose('after the clone')
  })

  it('stops once the two sides of a cut meet, although each side knows only its own copy', async () => {
    const { id, copy } = await stopAndCopy()
    const here = await leaderId()
    const there = ids().find((other) => other !== id && other !== here) as NodeId
    cluster.network.cut(`memory:${here}`, `memory:${there}`)
    cluster.network.cut(`memory:${there}`, `memory:${id}`)
    cluster.network.cut(`memory:${here}`, 'memory:clone')
    await cluster.start(id)
    const original = cluster.node(id)
    clones.push(original)
    const clone = await startClone(id, copy)
    await cluster.runUntil(() => clone.statusNow().connected.includes(there))
    await cluster.runUntil(() => original.statusNow().connected.includes(here))
    // The two copies still have no peer in common. Only the log shows one side what the other has seen.
    cluster.network.heal(`memory:${here}`, `memory:${there}`)
    const failure = await cluster.runUntilSettled(Promise.race([clone.failed, original.failed]))
    assert.match(failure.code, /ERR_RAFT_D(UPLICATE_DIRECTORY|IRECTORY_ROLLED_BACK)/)
    await propose('after the cut')
  })

  it('starts if the directories of all members are restored together', async () => {
    for (const id of ids()) cluster.crash(id)
    const copies = new Map([...cluster.disks].map(([id, disk]) => [id, disk.copy()]))
    await cluster.startAll()
    await cluster.leader()
    await propose('lost by the restore')
    await settled()
    for (const id of ids()) cluster.crash(id)
    for (const [id, disk] of copies) cluster.disks.set(id, disk)
    await cluster.startAll()
    await cluster.leader()
    await propose('after the restore')
    await settled()
    for (const id of ids()) {
      assert.equal(cluster.node(id).statusNow().stopped, undefined)
      assert.deepEqual(cluster.entries(id), ['before the copy', 'after the restore'])
    }
  })

  it('made while the member ran is noticed by the leader, which remembers what was acknowledged', async () => {
    const id = await followerId()
    const leader = await cluster.leader()
    const copy = cluster.disks.get(id)?.copy() as MemoryDisk
    await propose('lost with the copy')
    await settled()
    await cluster.advance(1000)
    cluster.crash(id)
    cluster.disks.set(id, copy)
    const failure = await cluster.runUntilSettled((await cluster.start(id)).failed)
    assert.equal(failure.code, 'ERR_RAFT_DIRECTORY_ROLLED_BACK')
    assert.equal(cluster.eventsOf(leader.id, 'acknowledgementLost')[0]?.peer, id)
    assert.equal(leader.statusNow().peers.find((peer) => peer.id === id)?.hasLostEntries, true)
    await cluster.runUntil(() =>
      leader.statusNow().alarms.some(({ code, peer }) => code === 'ENTRIES_LOST' && peer === id),
    )
    await cluster.node(id).close()
    await assert.rejects(cluster.start(id), { code: 'ERR_RAFT_DIRECTORY_ROLLED_BACK' })
    await propose('after the loss')
    // The next leader knows it from the log.
    const next = ids().find((other) => other !== id && other !== leader.id) as NodeId
    await cluster.runUntilSettled(leader.transferLeadership({ to: next }))
    await cluster.runUntil(
      () =>
        cluster
          .node(next)
          .statusNow()
          .peers.find((peer) => peer.id === id)?.hasLostEntries,
    )
    assert.ok(
      cluster
        .node(next)
        .statusNow()
        .alarms.some(({ code }) => code === 'ENTRIES_LOST'),
    )
  })

  it('is replaced by a new member with a new directory', async () => {
    const { id, copy } = await stopAndCopy()
    await cluster.start(id)
    await settled()
    await rollBack(id, copy)
    await cluster.node(id).close()
    const leader = await cluster.leader()
    await cluster.runUntilSettled(leader.changeMembership({ remove: [id] }))
    await cluster.runUntilSettled(leader.changeMembership({ add: [{ id, address: `memory:${id}`, promote: true }] }))
    cluster.wipe(id)
    await cluster.start(id, { join: true, cluster: leader.statusNow().clusterId })
    await cluster.runUntil(() => leader.statusNow().membership.voters.includes(id))
    await propose('after the replacement')
    await cluster.runUntil(() => cluster.entries(id).includes('after the replacement'))
  })

  const ids = (): readonly NodeId[] => Object.keys(cluster.peers)

  async function propose(command: string): Promise<void> {
    await cluster.runUntilSettled((await cluster.leader()).propose(command))
  }

  async function leaderId(): Promise<NodeId> {
    return (await cluster.leader()).id
  }

  async function followerId(): Promise<NodeId> {
    const leader = await leaderId()
    return ids().find((id) => id !== leader) as NodeId
  }

  /** Waits until the log records the boot of every node that runs, and every node has it. */
  async function settled(): Promise<void> {
    await cluster.runUntil(() => {
      const statuses = [...cluster.nodes.values()].map((node) => node.statusNow())
      const lastIndexes = new Set(statuses.map(({ appliedIndex }) => appliedIndex))
      const isBound = ({ id }: { readonly id: NodeId }): boolean => {
        const recorded = statuses[0]?.membership.members.find((member) => member.id === id)?.boot
        return recorded?.id === cluster.disks.get(id)?.boot?.id
      }
      return (
        lastIndexes.size === 1 && statuses.every(isBound) && statuses.every((status) => status.isMembershipCommitted)
      )
    })
  }

  /** Stops a follower and copies its disk. */
  async function stopAndCopy(): Promise<{ readonly id: NodeId; readonly copy: MemoryDisk }> {
    const id = await followerId()
    const node = cluster.node(id)
    cluster.nodes.delete(id)
    await cluster.runUntilSettled(node.close())
    return { id, copy: cluster.disks.get(id)?.copy() as MemoryDisk }
  }

  /** Replaces the disk of a node by a copy, starts it, and returns why it stops. */
  async function rollBack(id: NodeId, copy: MemoryDisk, isRunning = true): Promise<RaftError> {
    if (isRunning) cluster.crash(id)
    cluster.disks.set(id, copy)
    return cluster.runUntilSettled((await cluster.start(id)).failed)
  }

  async function startClone(id: NodeId, disk: MemoryDisk): Promise<JournalNode> {
    const original = cluster.node(id)
    const transport = cluster.network.transport('memory:clone')
    const clone = await cluster.start(id, { storage: new MemoryStorage({ disk }), transport })
    cluster.nodes.set(id, original)
    clones.push(clone)
    return clone
  }
})

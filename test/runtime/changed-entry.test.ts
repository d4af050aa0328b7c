import assert from 'node:assert/strict'
import type { EncodedBlock } from '../../src/contracts/encoded-block.ts'
import type { NodeId } from '../../src/core/types.ts'
import { encodeCommands } from '../../src/log-format/block.ts'
import { VirtualCluster } from './virtual-cluster.ts'

/** The checksum of the changed block is right: only the hash chain can show that it is not the block that was written. */
describe('an entry that a disk has changed', () => {
  let cluster: VirtualCluster

  beforeEach(async () => {
    cluster = new VirtualCluster('n1 n2 n3')
    await cluster.startAll()
    for (const command of ['one', 'two', 'three'])
      await cluster.runUntilSettled((await cluster.leader()).propose(command))
    await cluster.runUntil(() => [...cluster.nodes.keys()].every((id) => cluster.entries(id).length === 3))
  })

  afterEach(() => cluster.close())

  it('stops the follower that has it at the first message', async () => {
    const leader = await cluster.leader()
    const [follower] = cluster.followers(leader)
    const { id } = follower as { readonly id: NodeId }
    cluster.crash(id)
    const index = change(id, 'two', 'tow')
    const failure = await cluster.runUntilSettled((await cluster.start(id)).failed)
    assert.equal(failure.code, 'ERR_RAFT_DIVERGED')
    assert.match(failure.message, /contents of the entries from 1 to \d+ differ between/)
    assert.ok((failure.details.index as number) >= index)
    await cluster.runUntilSettled(leader.propose('four'))
    assert.equal(leader.statusNow().stopped, undefined)
  })

  it('in the log of the leader is accepted by no follower', async () => {
    const { id } = await cluster.leader()
    for (const other of [...cluster.nodes.keys()]) cluster.crash(other)
    change(id, 'two', 'tow')
    const changed = await cluster.start(id)
    const others = [...cluster.disks.keys()].filter((other) => other !== id)
    for (const other of others) await cluster.start(other)
    await cluster.advance(20_000)
    for (const other of others) assert.ok(!cluster.entries(other).includes('tow'))
    const stopped = [...cluster.nodes.values()].filter((node) => node.statusNow().stopped !== undefined)
    assert.ok(
      stopped.length > 0 &&
        stopped.every((node) => /holds other content|differ between/.test(node.statusNow().stopped ?? '')),
    )
    assert.ok(changed !== undefined)
  })

  /** Replaces a command in the stored log of a node that is down, with a valid checksum. Returns its index. */
  function change(id: NodeId, from: string, to: string): number {
    const blocks = cluster.disks.get(id)?.view.log.blocks as EncodedBlock[]
    const offset = blocks.findIndex(({ bytes }) => Buffer.from(bytes).includes(from))
    const { first, term, bytes } = blocks[offset] as EncodedBlock
    const payload = Buffer.from(bytes.subarray(40))
    assert.ok(payload.includes(from))
    blocks[offset] = encodeCommands(first, term, [Buffer.from(payload.toString('latin1').replace(from, to), 'latin1')])
    return first
  }
})

import assert from 'node:assert/strict'
import type { StorageWrite } from '../../src/contracts/storage.ts'
import type { PeerMessage } from '../../src/contracts/transport.ts'
import { Raft } from '../../src/core/index.ts'
import type { NodeId } from '../../src/core/types.ts'
import { MemoryDisk } from '../../src/memory/memory-disk.ts'
import { MemoryStorage } from '../../src/memory/memory-storage.ts'
import { NodeClock } from '../../src/testing/simulation/virtual-clock.ts'
import type { JournalNode } from './virtual-cluster.ts'
import { VirtualCluster } from './virtual-cluster.ts'

/** What a node has done since the counts were last reset. */
interface Costs {
  steps: number
  /** Turns of the event loop that the node waited for. */
  turns: number
  /** Durable writes: each is one sync. */
  writes: number
  messages: number
  /** The arrays with the bytes of blocks that were written and sent. */
  readonly blocks: Set<Uint8Array>
}

/** Counts instead of times: they are the same on every machine, and grow when work is done per entry that can be done per batch. */
describe('the work of a cluster of three', () => {
  let cluster: VirtualCluster
  let leader: JournalNode
  const costs = new Map<NodeId, Costs>()

  beforeEach(async () => {
    cluster = new VirtualCluster('n1 n2 n3', { lazyWriteMs: 10_000 })
    for (const id of ['n1', 'n2', 'n3']) await startCounted(id)
    leader = await cluster.leader()
    await cluster.runUntilSettled(leader.propose('first'))
    await cluster.advance(1000)
  })

  afterEach(() => cluster.close())

  it('for one command is one write per node, one message to each follower, and one answer from each', async () => {
    reset()
    await cluster.runUntilSettled(leader.propose('one'))
    for (const [id, { writes, messages }] of costs) {
      assert.equal(writes, 1, `writes of ${id}`)
      assert.equal(messages, id === leader.id ? 2 : 1, `messages of ${id}`)
    }
  })

  it('for one command is a few steps of the core', async () => {
    reset()
    for (let number = 0; number < 10; number++) await cluster.runUntilSettled(leader.propose('one'))
    for (const [id, { steps }] of costs) assert.ok(steps <= 10 * (id === leader.id ? 4 : 2), `${steps} steps of ${id}`)
  })

  it('for one command is three turns of the event loop on the leader, and two on each follower', async () => {
    reset()
    for (let number = 0; number < 10; number++) await cluster.runUntilSettled(leader.propose('one'))
    // The command, the leader's write and the first answer; the message and the write of a follower. What follows the application waits for the
    // turn of the next command, and at the end for one of its own.
    for (const [id, { turns }] of costs) assert.ok(turns <= (id === leader.id ? 31 : 20), `${turns} turns of ${id}`)
  })

  it('for many commands at once is no more than for one', async () => {
    reset()
    await cluster.runUntilSettled(Promise.all(Array.from({ length: 500 }, () => leader.propose('one'))))
    for (const [id, { writes, messages, steps, turns }] of costs) {
      assert.equal(writes, 1, `writes of ${id}`)
      assert.equal(messages, id === leader.id ? 2 : 1, `messages of ${id}`)
      assert.ok(steps <= 3, `${steps} steps of ${id}`)
      assert.ok(turns <= (id === leader.id ? 4 : 2), `${turns} turns of ${id}`)
    }
  })

  it('copies no bytes of a command on the way to the disk and to the followers', async () => {
    reset()
    await cluster.runUntilSettled(leader.propose('x'.repeat(100_000)))
    const onLeader = costs.get(leader.id) as Costs
    assert.equal(onLeader.blocks.size, 1, 'the block is encoded once, for the disk and for both followers')
    const [block] = onLeader.blocks
    for (const [id, { blocks }] of costs)
      assert.ok(
        blocks.size === 1 && blocks.has(block as Uint8Array),
        `${id} writes and sends the same array, not a copy`,
      )
  })

  function reset(): void {
    for (const each of costs.values()) {
      each.steps = 0
      each.turns = 0
      each.writes = 0
      each.messages = 0
      each.blocks.clear()
    }
  }

  async function startCounted(id: NodeId): Promise<void> {
    const own: Costs = { steps: 0, turns: 0, writes: 0, messages: 0, blocks: new Set() }
    costs.set(id, own)
    class CountedStorage extends MemoryStorage {
      override write(write: StorageWrite): Promise<void> {
        own.writes++
        for (const { bytes } of write.blocks) own.blocks.add(bytes)
        return super.write(write)
      }
    }
    class CountedCore extends Raft {
      override step(...input: Parameters<Raft['step']>): ReturnType<Raft['step']> {
        own.steps++
        return super.step(...input)
      }
    }
    class CountedClock extends NodeClock {
      override defer(callback: () => void): void {
        own.turns++
        super.defer(callback)
      }
    }
    const transport = cluster.network.transport(`memory:${id}`)
    const send = transport.send.bind(transport)
    transport.send = (to: NodeId, message: PeerMessage) => {
      own.messages++
      if (message.type === 'AppendEntriesRequest') for (const { bytes } of message.blocks) own.blocks.add(bytes)
      return send(to, message)
    }
    const disk = new MemoryDisk({ directoryId: `disk-of-${id}` })
    cluster.disks.set(id, disk)
    await cluster.start(id, {
      transport,
      clock: new CountedClock(cluster.time, { startMs: 1000, ratePerMille: 1000 }),
      storage: new CountedStorage({ disk }),
      makeCore: (options, recovered, now) => new CountedCore(options, recovered, now),
    })
  }
})

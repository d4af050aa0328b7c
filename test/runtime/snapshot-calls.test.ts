/** The calls for snapshots of a node: what a snapshot contains, and when the calls end. */
import assert from 'node:assert/strict'
import { MemoryStorage } from '../../src/memory/memory-storage.ts'
import type { Journal, JournalNode } from './virtual-cluster.ts'
import { VirtualCluster } from './virtual-cluster.ts'

describe('a snapshot that is taken on a follower', () => {
  let cluster: VirtualCluster
  beforeEach(async () => {
    cluster = new VirtualCluster('n1 n2 n3')
    await cluster.startAll()
  })
  afterEach(() => cluster.close())

  /** A write that was acknowledged without this follower, which is connected again. */
  async function behind(): Promise<{ follower: JournalNode; index: number }> {
    const leader = await cluster.leader()
    const follower = cluster.followers(leader)[0] as JournalNode
    await cluster.runUntilSettled(leader.propose('earlier'))
    await cluster.runUntil(() => cluster.entries(follower.id).length === 1)
    cluster.isolate(follower.id)
    const { index } = await cluster.runUntilSettled(leader.proposeBytes(Buffer.from('"a"')))
    cluster.rejoin(follower.id)
    return { follower, index }
  }

  it('lacks what it has not applied yet', async () => {
    const { follower, index } = await behind()
    assert.ok((await cluster.runUntilSettled(follower.takeSnapshot())).index < index)
  })

  it('contains everything that was acknowledged before if it is linearizable', async () => {
    const { follower, index } = await behind()
    assert.ok((await cluster.runUntilSettled(follower.takeSnapshot({ linearizable: true }))).index >= index)
  })

  it('contains it also if another one is being taken, which lacks it', async () => {
    const { follower, index } = await behind()
    const finish = holdSnapshots(cluster.machines.get(follower.id) as Journal)
    const [older, newer] = [follower.takeSnapshot(), follower.takeSnapshot({ linearizable: true })]
    await cluster.advance(1000)
    finish()
    const [{ index: first }, { index: second }] = await cluster.runUntilSettled(Promise.all([older, newer]))
    assert.ok(first < index && second >= index, `${first}, ${second}, ${index}`)
  })

  it('is not started if no quorum confirms it before the one deadline of the call', async () => {
    const { follower } = await behind()
    cluster.isolate(follower.id)
    const before = cluster.time.nowUs
    const taken = follower.takeSnapshot({ linearizable: true, timeoutMs: 700 })
    await assert.rejects(cluster.runUntilSettled(taken), { outcome: 'not-applied' })
    assert.ok(cluster.time.nowUs - before <= 701_000, `${cluster.time.nowUs - before} us`)
  })
})

/** From now on, snapshots are captured and not written before the returned function is called. */
function holdSnapshots(machine: Journal): () => void {
  let finish = (): void => undefined
  const isFinished = new Promise<void>((resolve) => {
    finish = resolve
  })
  const capture = machine.snapshot.bind(machine)
  const snapshot = (): AsyncIterable<Uint8Array> => {
    const chunks = [...capture()]
    return (async function* () {
      await isFinished
      yield* chunks
    })()
  }
  Object.assign(machine, { snapshot })
  return finish
}

describe('the bytes of a snapshot', () => {
  it('are read in parts up to its end', async () => {
    const cluster = new VirtualCluster('n1')
    const node = await cluster.start('n1')
    await cluster.leader()
    await cluster.runUntilSettled(node.propose('a'))
    const { id, size } = await cluster.runUntilSettled(node.takeSnapshot())
    assert.equal(Buffer.from(await cluster.runUntilSettled(node.readSnapshot(id, 0))).toString(), 'a\n')
    assert.equal((await cluster.runUntilSettled(node.readSnapshot(id, size))).length, 0)
    await assert.rejects(cluster.runUntilSettled(node.readSnapshot('other', 0)), { code: 'ERR_RAFT_SNAPSHOT_GONE' })
    await cluster.close()
  })

  it('end at the deadline of the call, or with its signal, if the disk does not respond', async () => {
    const cluster = new VirtualCluster('n1')
    const storage = new MemoryStorage()
    const node = await cluster.start('n1', { storage })
    await cluster.leader()
    await cluster.runUntilSettled(node.propose('a'))
    const { id } = await cluster.runUntilSettled(node.takeSnapshot())
    storage.snapshots.read = async function* () {
      await new Promise(() => undefined)
    }
    const late = node.readSnapshot(id, 0, { timeoutMs: 500 })
    await assert.rejects(cluster.runUntilSettled(late), { code: 'ERR_RAFT_TIMEOUT', outcome: 'not-applied' })
    const caller = new AbortController()
    const aborted = node.readSnapshot(id, 0, { signal: caller.signal })
    caller.abort()
    await assert.rejects(cluster.runUntilSettled(aborted), { code: 'ERR_RAFT_ABORTED', outcome: 'not-applied' })
    await cluster.close()
  })
})

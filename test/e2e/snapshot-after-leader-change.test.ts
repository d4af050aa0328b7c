/** Real nodes, over TCP and with files: a follower whose leader stops in the middle of a snapshot continues at its offset with the next leader. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NodeEvent } from '../../src/contracts/observer.ts'
import type { RaftNode } from '../../src/runtime/raft-node.ts'
import { startNode } from '../../src/start-node.ts'
import { Journal } from '../runtime/virtual-cluster.ts'
import { eventually, freePort } from './real-cluster.ts'

type JournalNode = RaftNode<string, number, string, number>
type FetchStarted = Extract<NodeEvent, { type: 'fetchStarted' }>

const COMMANDS = 20
const COMMAND_BYTES = 100_000
/** The least that is resumed: a frame of a snapshot file. */
const FRAME_BYTES = 256 * 1024

describe('a snapshot of real nodes', function () {
  this.timeout(30_000)
  const nodes = new Map<string, JournalNode>()
  const fetches: FetchStarted[] = []
  let directory: string

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'snapshot-leaders-'))
  })

  after(async () => {
    await Promise.all([...nodes.values()].map((node) => node.close()))
    await rm(directory, { recursive: true, force: true })
  })

  it('is fetched from two leaders, one after the other', async () => {
    const ids = ['n1', 'n2', 'n3']
    const peers = Object.fromEntries(
      await Promise.all(ids.map(async (id) => [id, `127.0.0.1:${await freePort()}`] as const)),
    )
    const start = async (id: string): Promise<JournalNode> => {
      const node = await startNode<string, number, string, number>({
        ...{ id, peers, listen: peers[id], dataDir: join(directory, id), stateMachine: new Journal() },
        ...{ storage: 'segments', trailingEntries: 0, laggardBytesMax: 0, snapshotSendBytesPerSecond: 1_000_000 },
        ...{ electionTimeoutMinMs: 300, electionTimeoutMaxMs: 600, heartbeatIntervalMs: 60 },
        observers: [
          { event: (_: string, event: NodeEvent) => void (event.type === 'fetchStarted' && fetches.push(event)) },
        ],
      })
      nodes.set(id, node)
      return node
    }
    const [first, second] = (await Promise.all([start('n1'), start('n2')])) as [JournalNode, JournalNode]
    for (let number = 0; number < COMMANDS; number++) await first.propose('x'.repeat(COMMAND_BYTES))
    const last = Math.max(...[first, second].map((node) => node.statusNow().lastIndex))
    await Promise.all([first, second].map((node) => node.until(({ appliedIndex }) => appliedIndex >= last)))
    const snapshots = await Promise.all([first.takeSnapshot(), second.takeSnapshot()])
    assert.equal(snapshots[0].index, snapshots[1].index)

    const third = await start('n3')
    const fetched = async () => ((third.statusNow().fetching?.bytes ?? 0) > 2 * FRAME_BYTES ? true : undefined)
    await eventually('a part of the snapshot', fetched)
    const leader = first.statusNow().role === 'leader' ? first : second
    await leader.close()
    await third.until(({ snapshotIndex }) => snapshotIndex === snapshots[0].index, { timeoutMs: 15_000 })
    const resumed = fetches.at(-1) as FetchStarted
    assert.notEqual(resumed.from, fetches[0]?.from)
    assert.ok(resumed.offset >= FRAME_BYTES, `resumed at ${resumed.offset}`)
  })
})

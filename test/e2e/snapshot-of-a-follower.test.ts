/** Real nodes, over both transports and with files: a new member fetches its snapshot from a follower, right after it was added. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NodeEvent } from '../../src/contracts/observer.ts'
import type { RaftNode } from '../../src/runtime/raft-node.ts'
import { startNode } from '../../src/start-node.ts'
import { Journal } from '../runtime/virtual-cluster.ts'
import { freePort } from './real-cluster.ts'

type JournalNode = RaftNode<string, number, string, number>

const COMMANDS = 10

describe('a new member of real nodes', function () {
  this.timeout(30_000)
  const nodes: JournalNode[] = []
  let directory: string

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'snapshot-follower-'))
  })

  afterEach(async () => {
    await Promise.all(nodes.splice(0).map((node) => node.close()))
    await rm(directory, { recursive: true, force: true })
  })

  for (const peerTransport of ['tcp', 'grpc'] as const)
    it(`fetches its snapshot from a follower (${peerTransport})`, async () => {
      const sources: string[] = []
      const ids = ['n1', 'n2', 'n3', 'n4']
      const addresses = Object.fromEntries(
        await Promise.all(ids.map(async (id) => [id, `127.0.0.1:${await freePort()}`] as const)),
      )
      const { n4: address = '', ...peers } = addresses
      const start = async (id: string): Promise<JournalNode> => {
        const node = await startNode<string, number, string, number>({
          ...{
            cluster: 'joining',
            id,
            listen: addresses[id],
            dataDir: join(directory, id),
            stateMachine: new Journal(),
            peerTransport,
          },
          ...(id === 'n4' ? { join: true, peers: addresses } : { peers }),
          ...{ storage: 'segments', trailingEntries: 5, laggardBytesMax: 0, snapshotsFromFollowers: true },
          observers: [
            {
              event: (_: string, event: NodeEvent) => void (event.type === 'fetchStarted' && sources.push(event.from)),
            },
          ],
        })
        nodes.push(node)
        return node
      }
      const voters = await Promise.all(Object.keys(peers).map(start))
      for (let number = 0; number < COMMANDS; number++) await voters[0]?.propose('x'.repeat(100_000))
      const leader = voters.find((node) => node.statusNow().role === 'leader') as JournalNode
      const source = voters.find((node) => node !== leader) as JournalNode
      const { commitIndex } = leader.statusNow()
      await source.until(({ appliedIndex }) => appliedIndex >= commitIndex)
      const { index } = await source.takeSnapshot()
      for (let number = 0; number < 3; number++) await leader.propose('later')
      assert.ok((await leader.takeSnapshot()).index > index)
      // The report of the follower is in its answer to the next heartbeat.
      await new Promise((resolve) => setTimeout(resolve, 3 * HEARTBEAT_MS))

      const member = await start('n4')
      await leader.changeMembership({ add: [{ id: 'n4', address }] })
      await member.until(({ appliedIndex }) => appliedIndex >= leader.statusNow().commitIndex, { timeoutMs: 15_000 })
      assert.deepEqual([new Set(sources), member.statusNow().snapshotIndex], [new Set([source.statusNow().id]), index])
    })
})

const HEARTBEAT_MS = 100

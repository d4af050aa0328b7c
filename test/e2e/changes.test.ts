/** `quorate changes` follows three real processes, of which one after the other is killed, suspended and cut off. */
import assert from 'node:assert/strict'
import { itLong } from '../long.ts'
import { run, start } from './command.ts'
import { eventually, RealCluster } from './real-cluster.ts'

const WRITES = 150

interface Line {
  readonly schema: string
  readonly cluster: string
  readonly index: number
  readonly key: string
  readonly value: string
  readonly version: number
}

describe('quorate changes', function () {
  this.timeout(120_000)
  let cluster: RealCluster
  before(async () => {
    cluster = await RealCluster.started('n1', 'n2', 'n3')
  })
  after(() => cluster.close())

  it('prints each write once, in order, while nodes are killed, suspended and cut off', async () => {
    const endpoints = cluster.endpoints.join()
    const reader = start(['changes', '--from', '1', '-e', endpoints, '-o', 'json'])
    const linesOf = (text: string): Line[] =>
      text
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Line)
    const client = cluster.client(20_000)
    const written: string[] = []
    const write = async (): Promise<void> => {
      for (let count = 0; count < WRITES; count++) {
        const key = `k${written.length}`
        await client.raftClient.propose({ type: 'put', key, value: Buffer.from(key) })
        written.push(key)
      }
    }
    const caughtUp = () =>
      eventually('the reader has every write', async () => {
        return linesOf(reader.stdout()).length >= written.length ? true : undefined
      })
    try {
      await write()
      await caughtUp()
      // The reader follows the first node that answered, which may be any: disturb all of them.
      for (const [round, id] of ['n1', 'n2', 'n3'].entries()) {
        if (round === 0) await cluster.kill(id)
        else if (round === 1) cluster.sendSignal(id, 'SIGSTOP')
        else cluster.links.isolate(id)
        await write()
        await caughtUp()
        if (round === 0) cluster.start(id)
        else if (round === 1) cluster.sendSignal(id, 'SIGCONT')
        else cluster.links.heal()
        await cluster.assertEqual()
      }
    } finally {
      await client.raftClient.close()
    }
    reader.child.kill('SIGINT')
    const { exitCode, stdout, stderr } = await reader.finished
    assert.deepEqual([exitCode, stderr], [0, ''])
    const lines = linesOf(stdout)
    assert.deepEqual(
      lines.map(({ key }) => key),
      written,
    )
    assert.ok(lines.every(({ index }, offset) => index > (lines[offset - 1]?.index ?? 0)))
    assert.ok(lines.every(({ key, value, version }) => value === key && version === 1))
  })

  it('names the cluster of each write, and continues in no other one', async () => {
    const words = ['changes', '--from', '1', '-e', cluster.endpoints.join(), '-o', 'json']
    const reader = start(words)
    const { schema, cluster: id } = await eventually('a write', async () => {
      const [line] = reader.stdout().split('\n').slice(0, -1)
      return line === undefined ? undefined : (JSON.parse(line) as Line)
    })
    reader.child.kill('SIGINT')
    await reader.finished
    const [answer] = await cluster.adminClient.status()
    assert.deepEqual(
      [schema, id],
      ['quorate.applied/v1', answer !== undefined && 'status' in answer && answer.status.clusterId],
    )
    const { exitCode, stdout, stderr } = await run([...words, '--cluster', 'another'])
    assert.deepEqual([exitCode, stdout, JSON.parse(stderr).error.code], [1, '', 'ERR_RAFT_CLUSTER_MISMATCH'])
  })

  itLong('says what to do if the changes are no longer there', async () => {
    // A snapshot is taken after 200 entries: after a restart the nodes have only those behind it.
    for (const id of ['n1', 'n2', 'n3']) {
      await cluster.kill(id)
      cluster.start(id)
      await cluster.leader()
      await cluster.assertEqual()
    }
    const { exitCode, stderr } = await run(['changes', '--from', '1', '-e', cluster.endpoints.join()])
    assert.equal(exitCode, 1)
    assert.match(stderr, /^error\[ERR_RAFT_COMPACTED\]: .* all of them from index \d+ on\n {2}hint: +read the state/)
  })
})

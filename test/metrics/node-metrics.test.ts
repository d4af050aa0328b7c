import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { METRICS_PAGE, metricsPage } from '../../scripts/metrics-page.ts'
import { run } from '../../src/cli/program.ts'
import type { Terminal } from '../../src/cli/terminal.ts'
import type { StorageWrite } from '../../src/contracts/storage.ts'
import { MemoryDisk } from '../../src/memory/memory-disk.ts'
import { MemoryStorage } from '../../src/memory/memory-storage.ts'
import { METRICS, NodeMetrics, PROCESS_METRICS } from '../../src/metrics/index.ts'
import { VirtualCluster } from '../runtime/virtual-cluster.ts'

/** The value of the one line that starts with `name{` and has all these labels. */
function sampleOf(text: string, name: string, labels: Readonly<Record<string, string>>): number {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
  const lines = text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) && wanted.every((each) => line.includes(each)))
  assert.equal(lines.length, 1, `${name} ${JSON.stringify(labels)}: ${lines.join('\n')}`)
  return Number(lines[0]?.split(' ').at(-1))
}

describe('NodeMetrics', () => {
  it('counts proposals, their stages, reads, writes and snapshots', async () => {
    const metrics = new NodeMetrics()
    const cluster = new VirtualCluster('n1 n2 n3', { observers: [metrics], pendingProposalsMax: 3 })
    await cluster.startAll()
    const leader = await cluster.leader()
    const node = leader.id
    await cluster.runUntilSettled(Promise.all(['a', 'b', 'c'].map((each) => leader.propose(each))))
    await cluster.runUntilSettled(Promise.allSettled(['a', 'b', 'c', 'd'].map((each) => leader.propose(each))))
    await cluster.runUntilSettled(leader.read(() => 0))
    await cluster.runUntilSettled(leader.takeSnapshot())
    const { body, contentType } = await metrics.text()
    assert.match(contentType, /^text\/plain/)
    const value = (name: string, labels = {}): number => sampleOf(body, name, { node, ...labels })
    assert.equal(value('raft_proposals_total', { result: 'ok' }), 6)
    assert.equal(value('raft_proposals_total', { result: 'overloaded' }), 1)
    assert.equal(value('raft_proposal_seconds_count'), 6)
    for (const stage of ['queue', 'quorum', 'apply'])
      assert.equal(value('raft_proposal_stage_seconds_count', { stage }), 6, stage)
    assert.equal(value('raft_reads_total', { mode: 'linearizable', result: 'ok' }), 1)
    assert.equal(value('raft_read_round_seconds_count', { mode: 'quorum' }), 1)
    assert.ok(value('raft_storage_fsync_seconds_count') >= 2)
    assert.ok(value('raft_storage_written_bytes_total') > 0)
    assert.ok(value('raft_applied_commands_total') >= 6)
    assert.equal(value('raft_snapshot_seconds_count', { op: 'take' }), 1)
    assert.equal(value('raft_has_leader'), 1)
    assert.equal(value('raft_role', { role: 'leader' }), 1)
    assert.equal(value('raft_elections_total', { result: 'won' }), 1)
    assert.equal(value('raft_failure_tolerance'), 1)
    assert.equal(value('raft_queue_max', { limit: 'pendingProposalsMax' }), 3)
    const peer = cluster.followers(leader)[0]?.id ?? ''
    assert.equal(value('raft_peer_match_lag', { peer }), 0)
    assert.equal(value('raft_peer_connected', { peer }), 1)
    assert.ok(!body.includes(`raft_peer_match_lag{cluster="${leader.statusNow().clusterId}",node="${peer}"`))
  })

  it('counts the durable writes that stopped the event loop', async () => {
    class ImmediateStorage extends MemoryStorage {
      immediateWrites = 0
      override write(write: StorageWrite): Promise<void> {
        this.immediateWrites++
        return super.write(write)
      }
    }
    const metrics = new NodeMetrics()
    const cluster = new VirtualCluster('n1 n2', { observers: [metrics] })
    await cluster.start('n1', { storage: new ImmediateStorage({ disk: new MemoryDisk() }) })
    await cluster.start('n2')
    const leader = await cluster.leader()
    await cluster.runUntilSettled(leader.propose('a'))
    const { body } = await metrics.text()
    const countOf = (node: string, name: string): number => sampleOf(body, name, { node })
    assert.ok(countOf('n1', 'raft_storage_fsync_seconds_count') > 0)
    assert.equal(
      countOf('n1', 'raft_storage_immediate_writes_total'),
      countOf('n1', 'raft_storage_fsync_seconds_count'),
    )
    assert.equal(countOf('n2', 'raft_storage_immediate_writes_total'), 0)
  })

  it('counts sessions, and the commands that were answered from their table', async () => {
    const metrics = new NodeMetrics()
    const cluster = new VirtualCluster('n1 n2 n3', { observers: [metrics] })
    await cluster.startAll()
    const leader = await cluster.leader()
    const { id } = await cluster.runUntilSettled(leader.registerSession())
    for (let attempt = 0; attempt < 3; attempt++)
      await cluster.runUntilSettled(leader.propose('a', { session: { id, sequence: 1 } }))
    const { body } = await metrics.text()
    const value = (name: string, labels = {}): number => sampleOf(body, name, { node: leader.id, ...labels })
    assert.equal(value('raft_sessions'), 1)
    assert.equal(value('raft_session_dedup_hits_total'), 2)
    assert.equal(value('raft_sessions_expired_total', { reason: 'timeout' }), 0)
    assert.equal(value('raft_sessions_expired_total', { reason: 'limit' }), 0)
    assert.equal(value('raft_queue_used', { limit: 'sessionsMax' }), 1)
    assert.equal(value('raft_queue_used', { limit: 'sessionResultsMax' }), 1)
    const { appliedPerSecond = 0 } = leader.statusNow()
    assert.ok(appliedPerSecond > 0, `${appliedPerSecond}`)
  })

  it('splits the time of a proposal at its commit', async () => {
    const metrics = new NodeMetrics()
    const cluster = new VirtualCluster('n1 n2 n3', { observers: [metrics] })
    await cluster.startAll()
    const leader = await cluster.leader()
    for (const follower of cluster.followers(leader)) cluster.isolate(follower.id)
    const proposed = leader.propose('a')
    const until = cluster.time.nowUs + 200_000
    await cluster.runUntil(() => cluster.time.nowUs >= until)
    for (const follower of cluster.followers(leader)) cluster.rejoin(follower.id)
    await cluster.runUntilSettled(proposed)
    const { body } = await metrics.text()
    const sum = (stage: string): number => sampleOf(body, 'raft_proposal_stage_seconds_sum', { node: leader.id, stage })
    assert.ok(sum('quorum') >= 0.2, `${sum('quorum')}`)
    assert.ok(sum('queue') < 0.1 && sum('apply') < 0.1)
    assert.ok(sampleOf(body, 'raft_proposal_seconds_sum', { node: leader.id }) >= 0.2)
  })

  it('measures how long no node led', async () => {
    const metrics = new NodeMetrics()
    const cluster = new VirtualCluster('n1 n2 n3', { observers: [metrics] })
    await cluster.startAll()
    const leader = await cluster.leader()
    for (const follower of cluster.followers(leader)) cluster.isolate(follower.id)
    await cluster.runUntil(() => leader.statusNow().leader === undefined)
    const value = async (name: string): Promise<number> =>
      sampleOf((await metrics.text()).body, name, { node: leader.id })
    assert.equal(await value('raft_has_leader'), 0)
    const before = await value('raft_election_duration_seconds_count')
    for (const follower of cluster.followers(leader)) cluster.rejoin(follower.id)
    await cluster.runUntil(() => leader.statusNow().leader !== undefined)
    assert.equal(await value('raft_election_duration_seconds_count'), before + 1)
  })

  it('continues after a restart, without a second series', async () => {
    const metrics = new NodeMetrics()
    const cluster = new VirtualCluster('n1', { observers: [metrics] })
    const first = await cluster.start('n1')
    await cluster.runUntilSettled(first.propose('a'))
    await cluster.runUntilSettled(first.close())
    const second = await cluster.start('n1')
    await cluster.runUntilSettled(second.propose('b'))
    const { body } = await metrics.text()
    assert.equal(sampleOf(body, 'raft_proposals_total', { node: 'n1', result: 'ok' }), 2)
  })

  it('have no label that a peer chooses', async () => {
    const metrics = new NodeMetrics()
    const cluster = new VirtualCluster('n1', { observers: [metrics] })
    await cluster.start('n1')
    for (let stranger = 0; stranger < 1000; stranger++) {
      const peer = `stranger-${stranger}`
      metrics.event('n1', { type: 'peerConnected', peer })
      metrics.event('n1', { type: 'peerLost', peer, reason: 'closed' })
      metrics.event('n1', { type: 'refusedBy', peer, code: `ERR_RAFT_X${stranger}`, message: 'no' })
    }
    metrics.event('n1', { type: 'refusedBy', peer: 'n2', code: 'ERR_RAFT_CLUSTER_MISMATCH', message: 'no' })
    const { body } = await metrics.text()
    assert.equal(sampleOf(body, 'raft_peers_refused_total', { node: 'n1', code: 'other' }), 1000)
    assert.equal(sampleOf(body, 'raft_peers_refused_total', { node: 'n1', code: 'cluster_mismatch' }), 1)
    assert.ok(!/stranger|x999/.test(body))
  })

  it('has every metric of the table, and of the process those that the table names', async () => {
    const metrics = new NodeMetrics()
    const { body } = await metrics.text()
    const missing = [...Object.values(METRICS), ...PROCESS_METRICS].filter(
      ({ name, type }) => !body.includes(`# TYPE ${name} ${type}`),
    )
    assert.deepEqual(missing, [])
  })
})

describe('docs/reference/metrics.md', () => {
  it('equals what `make fix` writes from the table in the source', () => {
    assert.equal(readFileSync(METRICS_PAGE, 'utf8'), metricsPage(), 'run `make fix` and review the difference')
  })
})

describe('quorate metrics list', () => {
  it('prints every metric with its meaning', async () => {
    let out = ''
    const write = (text: string): void => {
      out += text
    }
    const terminal: Terminal = {
      out: write,
      err: write,
      isTty: false,
      ask: async () => undefined,
      readInput: async () => new Uint8Array(),
    }
    assert.equal(await run(['metrics', 'list'], terminal, '0'), 0)
    for (const { name, help } of Object.values(METRICS)) assert.ok(out.includes(name) && out.includes(help), name)
  })
})

/** The metrics and spans of a node, as the SDK of OpenTelemetry receives them. */
import assert from 'node:assert/strict'
import { SpanStatusCode } from '@opentelemetry/api'
import { MeterProvider, MetricReader, type ResourceMetrics } from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { type MemoryCluster, startMemoryCluster } from '../../src/memory-cluster.ts'
import { METRICS } from '../../src/metrics/definitions.ts'
import { OpenTelemetryMetrics, withSpans } from '../../src/opentelemetry/index.ts'
import type { RaftNode } from '../../src/runtime/raft-node.ts'

class Reader extends MetricReader {
  protected async onShutdown(): Promise<void> {}
  protected async onForceFlush(): Promise<void> {}
}

class Sum {
  total = 0
  apply(add: number): number {
    this.total += add
    return this.total
  }
  snapshot(): Uint8Array[] {
    return [Buffer.from(`${this.total}`)]
  }
  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of chunks) this.total = Number(Buffer.from(chunk))
  }
}

describe('OpenTelemetry', () => {
  let cluster: MemoryCluster<number, number>
  let leader: RaftNode<number, number>
  const reader = new Reader()
  const observer = new OpenTelemetryMetrics({ meterProvider: new MeterProvider({ readers: [reader] }) })

  before(async () => {
    cluster = await startMemoryCluster<number, number>({
      ...{ nodes: 3, stateMachine: () => new Sum(), observers: [observer] },
      ...{ electionTimeoutMinMs: 100, electionTimeoutMaxMs: 200, heartbeatIntervalMs: 20 },
    })
    leader = await cluster.leader()
  })
  after(() => cluster.close())

  async function collected(): Promise<ReadonlyMap<string, ResourceMetrics['scopeMetrics'][number]['metrics'][number]>> {
    const { resourceMetrics, errors } = await reader.collect()
    assert.deepEqual(errors, [])
    return new Map(
      resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics.map((metric) => [metric.descriptor.name, metric])),
    )
  }

  it('receives the metrics of the table, for each node', async () => {
    await leader.propose(1)
    await leader.propose(1)
    const metrics = await collected()
    const known = new Set(Object.values(METRICS).map(({ name }) => name))
    for (const name of metrics.keys()) assert.ok(known.has(name as never), name)
    const hasLeader = metrics.get(METRICS.hasLeader.name)
    assert.deepEqual(
      hasLeader?.dataPoints.map(({ attributes, value }) => [attributes.node, value]),
      ['n1', 'n2', 'n3'].map((node) => [node, 1]),
    )
    const seconds = metrics.get(METRICS.proposalSeconds.name)
    assert.equal(seconds?.descriptor.unit, 's')
    const [point] = seconds?.dataPoints.filter(({ attributes }) => attributes.node === leader.id) ?? []
    assert.equal((point?.value as { readonly count: number } | undefined)?.count, 2)
    const proposals = metrics.get(METRICS.proposals.name)?.dataPoints ?? []
    const applied = proposals.find(({ attributes }) => attributes.node === leader.id && attributes.result === 'ok')
    assert.equal(applied?.value, 2)
  })

  it('receives a span for each call, with the entry or the error', async () => {
    const exporter = new InMemorySpanExporter()
    const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
    const node = withSpans(leader, { tracerProvider })
    const { index, term, result } = await node.proposeWithIndex(5)
    assert.equal(await node.propose(1), result + 1)
    assert.equal(await node.read(() => 'answer'), 'answer')
    const aborted = AbortSignal.abort()
    await assert.rejects(node.propose(1, { signal: aborted }), { code: 'ERR_RAFT_ABORTED' })
    assert.equal(node.statusNow().id, leader.id)
    const spans = exporter.getFinishedSpans()
    assert.deepEqual(
      spans.map(({ name }) => name),
      ['raft.propose', 'raft.propose', 'raft.read', 'raft.propose'],
    )
    assert.deepEqual(spans[0]?.attributes, { 'raft.node.id': leader.id, 'raft.log.index': index, 'raft.term': term })
    assert.equal(spans[1]?.attributes['raft.log.index'], index + 1)
    assert.equal(spans[3]?.status.code, SpanStatusCode.ERROR)
    assert.deepEqual(
      [spans[3]?.attributes['error.type'], spans[3]?.attributes['raft.outcome']],
      ['ERR_RAFT_ABORTED', 'not-applied'],
    )
  })
})

/** Tests of `quorate check perf`: what it measures, and what it concludes. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatText } from '../../src/cli/commands/check-perf.ts'
import { measureCluster } from '../../src/cli/perf/measure-cluster.ts'
import { measureMachine } from '../../src/cli/perf/measure-machine.ts'
import type { Measurement, Timeouts } from '../../src/cli/perf/verdicts.ts'
import { checkTimeouts } from '../../src/cli/perf/verdicts.ts'
import type { EndpointStatus } from '../../src/client/index.ts'
import type { NodeStatus } from '../../src/contracts/node-service.ts'
import { answered, peer, status } from './status-answers.ts'

const TIMEOUTS: Timeouts = { heartbeatIntervalMs: 100, electionTimeoutMinMs: 750, electionTimeoutMaxMs: 1500 }

describe('the verdict on timeouts', () => {
  const measured = (what: Measurement['what'], longestMs: number): Measurement => ({
    ...{ where: 'n1', what, longestMs, timeouts: TIMEOUTS },
  })

  for (const [what, limitMs] of [
    ['event loop', 325],
    ['durable write', 325],
    ['response', 650],
    ['round trip', 325],
  ] as const)
    it(`passes a delay of ${limitMs} ms of kind '${what}', and no more`, () => {
      const { verdicts, proposal } = checkTimeouts([measured(what, limitMs), measured(what, limitMs + 0.1)])
      assert.deepEqual(
        verdicts.map((verdict) => [verdict.limitMs, verdict.isPassed]),
        [
          [limitMs, true],
          [limitMs, false],
        ],
      )
      assert.notEqual(proposal, undefined)
    })

  it('proposes nothing if all pass', () =>
    assert.equal(checkTimeouts([measured('event loop', 325)]).proposal, undefined))

  it('is not that the timeouts fit while a node is silent', () => {
    const report = checkTimeouts([measured('event loop', 325)])
    assert.match(formatText(report, []), /^The timeouts fit: /m)
    const partial = formatText(report, ['n2'])
    assert.match(partial, /^FAIL {2}n2 does not answer/m)
    assert.match(partial, /^The timeouts fit what was measured: .*\nCheck again once every node reports$/m)
  })

  it('proposes timeouts that hold twice what was measured', () => {
    const { proposal } = checkTimeouts([measured('event loop', 400), measured('response', 900)])
    assert.deepEqual(proposal, { heartbeatIntervalMs: 450, electionTimeoutMinMs: 2250, electionTimeoutMaxMs: 4500 })
    const again = checkTimeouts([
      { ...measured('event loop', 800), timeouts: proposal as Timeouts },
      { ...measured('response', 1800), timeouts: proposal as Timeouts },
    ])
    assert.equal(again.proposal, undefined)
  })
})

describe('measuring a cluster', () => {
  const timing = { ...TIMEOUTS, writeMs: 3 }
  const options = { durationMs: 0, timeoutMs: 1000, onProgress: () => undefined }
  const measure = (...statuses: readonly (NodeStatus | string)[]) =>
    measureCluster({ status: async () => statuses.map(answerOf) }, options)

  it('takes the delays of each node, and the responses of the voters that replicate', async () => {
    const { measurements, silent } = await measure(
      status('n1', {
        ...{ role: 'leader', timing, loopDelayMs: 7 },
        peers: [peer('n2', { responseMs: 12 }), peer('n3', { responseMs: 9999, isReplicating: false })],
      }),
      status('n2', { timing: { ...timing, writeMs: 4 }, loopDelayMs: 8 }),
    )
    assert.deepEqual(
      measurements.map(({ where, what, longestMs }) => `${where} ${what} ${longestMs}`),
      ['n1 event loop 7', 'n1 durable write 3', 'n1 → n2 response 12', 'n2 event loop 8', 'n2 durable write 4'],
    )
    assert.deepEqual(silent, [])
  })

  it('names nodes that do not answer or report no timeouts', async () => {
    const { silent } = await measure(status('n1', { timing }), status('n2', { timing: undefined }), '127.0.0.1:7003')
    assert.deepEqual(silent, ['n2', '127.0.0.1:7003'])
  })

  it('rejects if none reports', () => assert.rejects(measure('127.0.0.1:7001'), { code: 'ERR_RAFT_UNREACHABLE' }))
})

describe('measuring a machine', () => {
  const directory = mkdtempSync(join(tmpdir(), 'quorate-perf-'))
  after(() => rmSync(directory, { recursive: true, force: true }))
  const options = { directory, peers: [], timeouts: TIMEOUTS, durationMs: 100, onProgress: () => undefined }

  it('times writes, the event loop and connections that are refused, and leaves no file', async () => {
    const measurements = await measureMachine({ ...options, peers: ['127.0.0.1:1'] })
    assert.deepEqual(
      measurements.map(({ where, what }) => [where, what]),
      [
        ['this process', 'event loop'],
        [directory, 'durable write'],
        ['127.0.0.1:1', 'round trip'],
      ],
    )
    for (const { medianMs } of measurements.slice(1)) assert.ok(medianMs !== undefined && medianMs > 0)
    assert.deepEqual(readdirSync(directory), [])
  })

  it('rejects with an error of the directory, or of an unknown host', async () => {
    await assert.rejects(measureMachine({ ...options, directory: '/proc/none' }), {
      code: 'ERR_RAFT_STORAGE',
    })
    await assert.rejects(measureMachine({ ...options, peers: ['host.invalid:1'] }), {
      code: 'ERR_RAFT_UNREACHABLE',
      message: /^host\.invalid:1 does not answer: /,
    })
  })
})

function answerOf(one: NodeStatus | string): EndpointStatus {
  return typeof one === 'string'
    ? { address: one, error: Object.assign(new Error('refused'), { code: 'ERR_RAFT_UNREACHABLE' }) as never }
    : (answered(one) as EndpointStatus)
}

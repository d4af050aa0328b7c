/** Every type of fault has its effect, and the cluster recovers from it. */
import assert from 'node:assert/strict'
import type { Observation } from '../../src/testing/properties/observation.ts'
import { ALL_PROPERTIES } from '../../src/testing/properties/properties.ts'
import type { Property } from '../../src/testing/properties/property.ts'
import type { SimulationOptions } from '../../src/testing/simulate.ts'
import { simulate } from '../../src/testing/simulate.ts'
import type { Fault } from '../../src/testing/simulation/faults.ts'
import type { Call } from '../../src/testing/simulation/workload.ts'
import { LEADER } from '../../src/testing/simulation/workload.ts'

const WORKLOAD: Call[] = Array.from({ length: 60 }, (_, number) => ({
  type: 'write',
  atMs: 400 + 30 * number,
  node: LEADER,
  count: 1,
}))

/** Runs a cluster with these faults; returns its observations and its trace. */
async function runWith(
  faults: Fault | Fault[],
  settings: SimulationOptions['settings'] = {},
  workload: readonly Call[] = WORKLOAD,
): Promise<{ seen: Observation[]; trace: string }> {
  const seen: Observation[] = []
  const record: Property = { id: 'X', name: 'record', statement: '', watch: () => (one) => void seen.push(one) }
  const { failure, trace = '' } = await simulate({
    seed: 1,
    settings,
    cluster: { voters: 3, spares: 0 },
    workload,
    faults: [faults].flat(),
    healAtMs: 3000,
    properties: [...ALL_PROPERTIES, record],
    isTraced: true,
  })
  assert.equal(failure, undefined)
  return { seen, trace }
}

const count = (seen: Observation[], type: Observation['type']): number => seen.filter((one) => one.type === type).length

/** The members at the end of the run: the final state of each is checked. */
const nodesAtEnd = (seen: Observation[]): string[] => seen.flatMap((one) => (one.type === 'ended' ? [one.node] : []))

/** The last index that became durable on the disk of a node. */
const lastDurable = (seen: Observation[], node: string): number =>
  Math.max(
    0,
    ...seen.flatMap((one) => (one.type === 'durable' && one.node === node ? one.write.blocks.map(lastOf) : [])),
  )

const lastOf = ({ first, count: entries }: { first: number; count: number }): number => first + entries - 1

const lastIndexOf = ({ snapshot, blocks }: Observation & { type: 'started' }): number =>
  Math.max(snapshot?.index ?? 0, ...blocks.map(lastOf))

/** After it, the other nodes know a boot that the older copies of the following tests lack. */
const RESTART: Fault = { type: 'crash', atMs: 900, node: 1, isHard: true, forMs: 100 }

describe('the fault', () => {
  it('powerCut ends several processes at once', async () => {
    const { seen } = await runWith({ type: 'powerCut', atMs: 1000, nodes: [0, 1, 2], isHard: true, forMs: 200 })
    assert.equal(count(seen, 'crashed'), 3)
    assert.equal(count(seen, 'started'), 6)
  })

  it('restarts kills a process while it starts', async () => {
    const { seen } = await runWith({ type: 'restarts', atMs: 1000, node: 1, times: 6, gapUs: 50 })
    assert.equal(count(seen, 'crashed'), 6)
    assert.ok(count(seen, 'started') < 3 + 6, 'most processes ended before they had a core')
  })

  it('switches restarts a node with other options than the rest', async () => {
    const { seen } = await runWith({ type: 'switches', atMs: 1000, node: 1, preVote: false, checkQuorum: false })
    const values = seen.flatMap((one) => (one.type === 'started' && one.node === 'n1' ? [one.settings?.preVote] : []))
    assert.deepEqual(values, [true, false])
  })

  it('flap cuts the links repeatedly', async () => {
    const { trace } = await runWith({ type: 'flap', atMs: 1000, side: [LEADER], everyMs: 100, forMs: 1500 })
    const lost = [...trace.matchAll(/^ *\d+ +(\d+) .*=x/gm)].map(([, us]) => Math.floor(Number(us) / 100_000))
    assert.ok(new Set(lost).size >= 3, `${[...new Set(lost)]}`)
    assert.ok(![...new Set(lost)].every((tenth, at, all) => at === 0 || tenth === (all[at - 1] as number) + 1))
  })

  it('passOnly loses messages of every other type', async () => {
    const message = 'PreVoteRequest'
    const { trace } = await runWith({ type: 'passOnly', atMs: 1000, from: LEADER, to: 1, message, forMs: 500 })
    assert.match(trace, /=x .*[aA]ppend/)
  })

  it('wipeDisk makes peers reject a node until it is removed', async () => {
    const { seen } = await runWith({ type: 'wipeDisk', atMs: 1500, node: 1 })
    assert.equal(count(seen, 'wiped'), 1)
    const since = seen.findIndex(({ type }) => type === 'wiped')
    assert.ok(
      !seen.slice(since).some((one) => one.type === 'sent' && one.from === 'n1'),
      'no peer accepted its connection',
    )
    assert.deepEqual(nodesAtEnd(seen), ['n0', 'n2'])
  })

  it('changeCommand stops the node at its next scrub, until it is removed', async () => {
    const scrubs = { scrubBytesPerSecond: 100_000, scrubIntervalMs: 300, trailingEntries: 1000, trailingBytesMax: 1e6 }
    const { seen } = await runWith({ type: 'changeCommand', atMs: 1500, node: 1, place: 3 }, scrubs)
    const reasons = seen.flatMap((one) =>
      one.type === 'stepped' && one.status.stopped !== undefined ? [`${one.node}: ${one.status.stopped}`] : [],
    )
    assert.match(reasons[0] ?? '', /^n1: the stored log has changed: the block from \d+ to \d+ /)
    assert.deepEqual(nodesAtEnd(seen), ['n0', 'n2'])
  })

  it('changeCommand stops a leader that reads the block for a lagging follower, which never gets it', async () => {
    const away: Fault = { type: 'crash', atMs: 700, node: 1, isHard: true, forMs: 900 }
    const settings = { trailingEntries: 1000, trailingBytesMax: 1e6, snapshotEntries: 1000, blockCacheBytesMax: 1 }
    const { seen } = await runWith([away, { type: 'changeCommand', atMs: 1500, node: LEADER, place: 20 }], settings)
    const reasons = seen.flatMap((one) => (one.type === 'stepped' ? (one.status.stopped ?? []) : []))
    assert.match(reasons[0] ?? '', /^the stored log has changed: .*; it was not sent$/)
    assert.equal(nodesAtEnd(seen).length, 2)
  })

  it('rollBackDisk restarts a node with what its disk contained before, until it is removed', async () => {
    const { seen } = await runWith([RESTART, { type: 'rollBackDisk', atMs: 1500, node: 1, ageMs: 700 }])
    const at = seen.findIndex(({ type }) => type === 'rolledBack')
    const start = seen.slice(at).find((one) => one.type === 'started' && one.node === 'n1')
    assert.ok(start?.type === 'started')
    assert.ok(lastDurable(seen.slice(0, at), 'n1') > lastIndexOf(start), 'it has forgotten entries')
    assert.ok(lastIndexOf(start) > 0)
    assert.deepEqual(nodesAtEnd(seen), ['n0', 'n2'])
  })

  it('cloneDisk starts a second process of a node, of which each of the others reaches one at a time', async () => {
    const clone: Fault = { type: 'cloneDisk', atMs: 1500, node: 1, ageMs: 700, side: [0], swapMs: 100, forMs: 900 }
    const { seen } = await runWith([RESTART, clone])
    const started = seen.flatMap((one) => (one.type === 'started' ? [one.node] : []))
    assert.deepEqual(started.sort(), ['n0', 'n1', 'n1', "n1'", 'n2'])
    assert.ok(!seen.some((one) => one.type === 'sent' && one.from === "n1'"), 'no member accepted the clone')
    assert.deepEqual(nodesAtEnd(seen), ['n0', 'n2'])
  })

  for (const part of ['log', 'hardState', 'snapshot', 'snapshotFile'] as const)
    it(`rot of the ${part} is detected at the next start at the latest, and stops the node until it is removed`, async () => {
      const rot: Fault = { type: 'rot', atMs: 1500, node: 1, part, place: 5 }
      const { seen } = await runWith([rot, { type: 'crash', atMs: 1505, node: 1, isHard: true, forMs: 100 }])
      const starts = seen.filter((one) => one.type === 'started' && one.node === 'n1').length
      // The state machine reads the bytes of a snapshot, after the core has started.
      assert.equal(starts, part === 'snapshot' ? 2 : 1)
      assert.equal(count(seen, 'crashed'), 2)
      assert.deepEqual(nodesAtEnd(seen), ['n0', 'n2'])
    })

  it('rot of the log is detected by a leader that reads it for a lagging follower', async () => {
    const away: Fault = { type: 'crash', atMs: 700, node: 1, isHard: true, forMs: 900 }
    const settings = {
      trailingEntries: 1000,
      trailingBytesMax: 1_000_000,
      snapshotEntries: 1000,
      blockCacheBytesMax: 1,
    }
    const { seen } = await runWith([away, { type: 'rot', atMs: 1500, node: LEADER, part: 'log', place: 20 }], settings)
    const stopped = seen.flatMap((one) => (one.type === 'crashed' ? [one.node] : []))
    assert.equal(stopped.length, 2, 'the follower, then the leader')
    assert.equal(nodesAtEnd(seen).length, 2)
  })

  it('rot of a snapshot is detected when a follower fetches it, and the leader replaces the snapshot', async () => {
    const faults: Fault[] = [
      { type: 'crash', atMs: 500, node: 1, isHard: true, forMs: 1500 },
      { type: 'rot', atMs: 1900, node: LEADER, part: 'snapshot', place: 0 },
    ]
    const { seen } = await runWith(faults, {}, WORKLOAD.slice(0, 40))
    const healed = seen.findIndex((one) => one.type === 'crashed' && one.node !== 'n1')
    const restored = seen.findIndex((one) => one.type === 'restored' && one.node === 'n1')
    assert.ok(restored > 0 && restored < healed, 'restored before the removal')
  })

  it('misread stops a node that reads until the fault ends', async () => {
    const { seen } = await runWith([
      { type: 'misread', atMs: 1000, node: 1, forMs: 500 },
      { type: 'crash', atMs: 1100, node: 1, isHard: false, forMs: 100 },
    ])
    assert.equal(nodesAtEnd(seen).length, 3)
    assert.ok(count(seen, 'crashed') >= 2, 'it did not start during the fault')
  })

  it('failDisk stops a node until its disk is replaced', async () => {
    const { seen } = await runWith({ type: 'failDisk', atMs: 1000, node: 1, forMs: 500 })
    assert.equal(count(seen, 'crashed'), 1)
    assert.equal(nodesAtEnd(seen).length, 3)
  })

  it('fullDisk makes a leader that checks its free space transfer leadership', async () => {
    const settings = { freeBytesMin: 1000, freeBytesCheckMs: 50 }
    const fault: Fault = { type: 'fullDisk', atMs: 1000, node: LEADER, leftBytes: 900, forMs: 600 }
    const { seen } = await runWith(fault, settings)
    const events = seen.flatMap((one) => (one.type === 'stepped' ? one.effects.events.map(({ type }) => type) : []))
    assert.ok(events.includes('transferStarted'))
    assert.ok(events.filter((type) => type === 'becameLeader').length >= 2)
  })

  it('fullDisk stops a node whose write does not fit until space is free again', async () => {
    const { seen } = await runWith({ type: 'fullDisk', atMs: 1000, node: LEADER, leftBytes: 100, forMs: 600 })
    assert.equal(count(seen, 'crashed'), 1)
    assert.equal(nodesAtEnd(seen).length, 3)
  })

  it('stall delays messages between the decision and the sending', async () => {
    const { seen, trace } = await runWith({ type: 'stall', atMs: 1000, node: LEADER, forMs: 400 })
    assert.match(trace, /! the leader does not run for 400 ms, from its next decision to send/)
    assert.ok(seen.some((one) => one.type === 'stepped' && one.effects.events.some(({ type }) => type === 'paused')))
  })
})
